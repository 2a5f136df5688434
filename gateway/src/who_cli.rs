//! `schoolgate who`: who answered for a child, by which entries. Reads only, beside a running gateway or on a copy of its
//! folder.

mod show;

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use jiff::{civil::DateTime, tz::TimeZone};
use schoolgate_core::{
    custody::{self, Span},
    entry::Entry,
    text,
    text::Lang,
    time::{Day, NotAWallTime, Wall},
};

use crate::{
    cli::{EXIT_FAULTS, EXIT_FINE, FilterArgs, SeqRange, WhoArgs},
    ledger::{self, ReadError},
    ledger_cli::{self, LedgerCliError, Line},
    report_cli::{ReportCliError, Source},
};
use show::Shown;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WhoCliError {
    /// The moment or the day given can't be placed.
    #[error("{0}")]
    Time(String),
    /// What stands beside the ledger can't be read.
    #[error(transparent)]
    Source(#[from] ReportCliError),
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerCliError),
    /// The output takes no more.
    #[error("the answer can't be written")]
    Write(#[from] io::Error),
}

/// What is asked about.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Moment(Wall),
    /// By the calendar that the entries were written by.
    Day(Day),
}

/// Carries out `schoolgate who`; the answer goes to `out`. Returns the exit code.
pub fn run(args: &WhoArgs, lang: Lang, out: &mut dyn Write) -> Result<u8, WhoCliError> {
    match answer(args, lang, out) {
        // Whoever reads our output may stop reading, as `head` does.
        Err(WhoCliError::Write(cause)) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(EXIT_FINE),
        done => done,
    }
}

fn answer(args: &WhoArgs, lang: Lang, out: &mut dyn Write) -> Result<u8, WhoCliError> {
    let source = Source::of(&args.ledger, lang)?;
    let asked = asked(args, &source.time_zone).ok_or_else(|| WhoCliError::Time(no_such_time(lang)))?;
    let dir = ledger_cli::folder(&args.ledger, lang)?;

    let (mut code, mut failed) = (EXIT_FINE, None);
    let entries = ledger::open_records(&dir, 1).map_err(LedgerCliError::from)?.map_while(|record| match record {
        Ok(record) => Some(Entry::decode(&record.body).ok()), // a kind that this version does not know moves nobody
        Err(ReadError::Damaged(fault)) => {
            ledger_cli::tell(&ledger_cli::describe(&fault, lang));
            code = EXIT_FAULTS;
            Some(None)
        }
        Err(ReadError::Removed(_)) => Some(None), // its time was over
        Err(cause) => {
            failed = Some(cause);
            None
        }
    });
    let history = custody::history(entries.flatten(), &args.student);
    if let Some(cause) = failed {
        return Err(LedgerCliError::Read(cause).into());
    }
    let is_known = !history.is_empty();
    let spans = asked.choose(history);

    let mut proofs = BTreeMap::new();
    for seq in spans.iter().flat_map(|span| span.answer.proof.iter().chain(&span.ended)) {
        let only = FilterArgs { seq: Some(SeqRange { first: seq.0, last: seq.0 }), ..FilterArgs::default() };
        let take = |line: Line<'_>| {
            if let Line::Entry(record) = line {
                proofs.insert(*seq, record.body.clone());
            }
            Ok(())
        };
        ledger_cli::each(&dir, &only, lang, take, |_| {}, |_| {})?; // damage was told above
    }
    let roster = source.roster(args.roster.as_deref(), lang)?;
    let shown = Shown { student: &args.student, asked, is_known, spans, proofs, roster: roster.as_deref() };
    shown.write(args.format, lang, out)?;
    Ok(code)
}

fn asked(args: &WhoArgs, zone: &TimeZone) -> Option<Asked> {
    if let Some(day) = args.history {
        return Some(Asked::Day(day));
    }
    args.at.as_ref()?.at(zone).map(Asked::Moment)
}

fn no_such_time(lang: Lang) -> String {
    text!(lang, zh: "这个时间不在历法范围之内", en: "there is no such time in the calendar")
}

impl Asked {
    /// Of a moment the one who answered then, of a day all.
    fn choose(self, history: Vec<Span>) -> Vec<Span> {
        let overlaps = |span: &Span| match self {
            Self::Moment(at) => {
                span.from.unix_ms() <= at.unix_ms() && span.until.is_none_or(|until| at.unix_ms() < until.unix_ms())
            }
            Self::Day(day) => {
                span.from.day() <= day.number() && span.until.is_none_or(|until| day.number() <= until.day())
            }
        };
        let mut spans: Vec<Span> = history.into_iter().filter(overlaps).collect();
        if let Self::Moment(_) = self {
            spans.drain(..spans.len().saturating_sub(1)); // of several, the last: a clock was put back
        }
        spans
    }
}

/// A moment as somebody writes it down: with an offset, or by the school's own wall.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// With an offset.
    Exact(Wall),
    /// By the school's time zone.
    Local(DateTime),
}

impl When {
    fn at(&self, zone: &TimeZone) -> Option<Wall> {
        match self {
            Self::Exact(wall) => Some(*wall),
            Self::Local(time) => {
                let zoned = time.to_zoned(zone.clone()).ok()?;
                let offset_min = i16::try_from(zoned.offset().seconds() / 60).ok()?;
                Some(Wall::new(zoned.timestamp().as_millisecond(), offset_min))
            }
        }
    }
}

impl std::str::FromStr for When {
    type Err = NotAWallTime;

    fn from_str(text: &str) -> Result<Self, NotAWallTime> {
        let has_time = text.contains(['T', 't', ' ']);
        text.parse()
            .map(Self::Exact)
            .or_else(|wrong: NotAWallTime| text.parse().ok().filter(|_| has_time).map(Self::Local).ok_or(wrong))
    }
}

#[cfg(test)]
mod tests;
