//! `schoolgate report`: what the ledger says of a period. Reads only, beside a running gateway or on a copy of its folder.

mod columns;
mod show;
mod table;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::{Timestamp, tz::TimeZone};
use schoolgate_core::{
    entry::Entry,
    report::{Period, PeriodError, Report},
    roster::Roster,
    text,
    text::Lang,
    time::Day,
};

use crate::{
    chain::chain,
    cli::{EXIT_FINE, FilterArgs, LedgerArgs, ReportArgs},
    config,
    ledger_cli::{self, LedgerCliError, Line},
    roster_file::{self, KEPT_FILE},
};

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportCliError {
    /// The configuration that should name the folder has faults.
    #[error("{0}")]
    Config(String),
    /// The days given are no period.
    #[error("{0}")]
    Period(String),
    /// The roster given can't be taken.
    #[error("the roster given can't tell names")]
    Roster(#[source] roster_file::RosterError),
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerCliError),
    /// The output takes no more.
    #[error("the report can't be written")]
    Write(#[from] io::Error),
}

/// Carries out `schoolgate report`; the answer goes to `out`. Returns the exit code. `now` tells which day today is.
pub fn run(args: &ReportArgs, now: Timestamp, lang: Lang, out: &mut dyn Write) -> Result<u8, ReportCliError> {
    match sum_up(args, now, lang, out) {
        // Whoever reads our output may stop reading, as `head` does.
        Err(ReportCliError::Write(cause)) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(EXIT_FINE),
        done => done,
    }
}

fn sum_up(args: &ReportArgs, now: Timestamp, lang: Lang, out: &mut dyn Write) -> Result<u8, ReportCliError> {
    let source = Source::of(&args.ledger, lang)?;
    let today = Day::from(now.to_zoned(source.time_zone.clone()).date());
    let period = period(args, today).map_err(|error| ReportCliError::Period(error.says(lang)))?;
    let names = source.roster(args.roster.as_deref(), lang)?;
    let mut report = Report::new(period);
    let take = |line: Line<'_>| {
        // A kind that this version does not know is none that it sums up.
        if let Line::Entry(record) = line
            && let Ok(entry) = Entry::decode(&record.body)
        {
            report.take(&entry);
        }
        Ok(())
    };
    let dir = ledger_cli::folder(&args.ledger, lang)?;
    let code = ledger_cli::each(&dir, &FilterArgs::default(), lang, take, ledger_cli::tell, |_| {})?;
    let table = table::of(&report, args.by, names.as_deref(), today, lang);
    let shown = show::Shown { period, by: args.by, table };
    match &args.output {
        Some(file) => show::write(shown, args.format, lang, BufWriter::new(File::create(file)?))?,
        None => show::write(shown, args.format, lang, BufWriter::new(out))?,
    }
    Ok(code)
}

fn period(args: &ReportArgs, today: Day) -> Result<Period, PeriodError> {
    let until = args.until.unwrap_or(today);
    Period::try_new(args.from.unwrap_or_else(|| until.first_of_month()), until)
}

/// Where the facts are besides the ledger.
pub(crate) struct Source {
    /// Where rosters are looked for, the best first.
    rosters: Vec<PathBuf>,
    /// The school's.
    pub(crate) time_zone: TimeZone,
}

impl Source {
    pub(crate) fn of(args: &LedgerArgs, lang: Lang) -> Result<Self, ReportCliError> {
        if let Some(dir) = &args.data_dir {
            return Ok(Self { rosters: vec![dir.join(KEPT_FILE)], time_zone: TimeZone::system() });
        }
        let file = args.config.clone().unwrap_or_default();
        let loaded = config::load(&file, lang).map_err(|error| ReportCliError::Config(error.render(lang)))?;
        let gateway = loaded.config.gateway;
        Ok(Self { rosters: vec![gateway.data_dir.join(KEPT_FILE), gateway.roster], time_zone: gateway.time_zone })
    }

    /// The roster that tells names and the calendar; a report is right without one, only with ids.
    pub(crate) fn roster(&self, given: Option<&Path>, lang: Lang) -> Result<Option<Arc<Roster>>, ReportCliError> {
        if let Some(file) = given {
            return roster_file::load(file, None).map(|loaded| Some(loaded.roster)).map_err(ReportCliError::Roster);
        }
        let mut why = String::new();
        for file in &self.rosters {
            match roster_file::load(file, None) {
                Ok(loaded) => return Ok(Some(loaded.roster)),
                Err(error) => why = chain(&error),
            }
        }
        let told = text!(
            lang,
            zh: "没有可用的名册：只有编号、没有姓名，服务日按周一至周五计算：{why}",
            en: "no roster can be used: ids without names, and Monday to Friday for the calendar: {why}",
        );
        let _ = writeln!(io::stderr(), "{told}");
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
