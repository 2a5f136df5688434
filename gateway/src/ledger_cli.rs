//! `schoolgate ledger`: verify, show, export, prove; and `schoolgate key`. Reads only, beside a running gateway or on a copy of its folder.

mod csv_export;
mod lookup;
mod progress;
mod proof;
mod select;
mod sentence;

pub(crate) use sentence::line;

use std::{
    cell::RefCell,
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use data_encoding::HEXLOWER;
use schoolgate_core::{entry::Entry, text, text::Lang};

use crate::{
    cli::{EXIT_FAULTS, EXIT_FINE, ExportFormat, FilterArgs, LedgerArgs, LedgerCommand, SeqRange},
    config, evidence,
    ledger::{self, Fault, LayoutError, ReadError, VerifyError},
};
use progress::Progress;
pub(crate) use select::{Line, each};

/// Why a command about the ledger could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum LedgerCliError {
    /// The configuration that should name the folder has faults.
    #[error("{0}")]
    Config(String),
    /// There is no ledger.
    #[error("there is no ledger in {0}")]
    NoLedger(PathBuf),
    /// The segments can't be made out.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A segment can't be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The check could not be carried to its end.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The checkpoints could not be checked.
    #[error(transparent)]
    Audit(#[from] evidence::AuditError),
    /// There is no proof of an entry.
    #[error(transparent)]
    Prove(#[from] evidence::ProveError),
    /// A key can't be had.
    #[error(transparent)]
    Key(#[from] evidence::KeyError),
    /// A proof file can't be read.
    #[error("the proof file {0} can't be read")]
    ProofFile(PathBuf, #[source] io::Error),
    /// The output takes no more.
    #[error("the output can't be written")]
    Write(#[source] io::Error),
}

impl From<io::Error> for LedgerCliError {
    fn from(cause: io::Error) -> Self {
        Self::Write(cause)
    }
}

/// Carries out `command`; the answer goes to `out`. Returns the exit code.
pub fn run(command: &LedgerCommand, lang: Lang, out: &mut dyn Write) -> Result<u8, LedgerCliError> {
    let done = match command {
        LedgerCommand::Verify { ledger, public_key } => {
            let dir = folder(ledger, lang)?;
            let sound = verify(&dir, lang, out)?;
            proof::audit(&dir, public_key.as_deref(), lang, out).map(|signed| sound.max(signed))
        }
        LedgerCommand::Proof { seq, ledger, output } => {
            proof::write(&folder(ledger, lang)?, *seq, output.as_deref(), lang, out)
        }
        LedgerCommand::CheckProof { file, public_key } => proof::check(file, public_key, lang, out),
        LedgerCommand::Show { ledger, filter, json } => show(&folder(ledger, lang)?, filter, *json, lang, out),
        LedgerCommand::Export { ledger, filter, format, output } => {
            let dir = folder(ledger, lang)?;
            match output {
                Some(file) => {
                    let watched = io::stderr().is_terminal();
                    export(&dir, (filter, *format), watched, lang, &mut BufWriter::new(File::create(file)?))
                }
                None => {
                    // Two things on one terminal would run into each other.
                    let watched = io::stderr().is_terminal() && !io::stdout().is_terminal();
                    export(&dir, (filter, *format), watched, lang, &mut BufWriter::new(out))
                }
            }
        }
    };
    match done {
        // Whoever reads our output may stop reading, as `head` does.
        Err(LedgerCliError::Write(cause)) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(EXIT_FINE),
        done => done,
    }
}

pub use proof::run_key;

/// Where the ledger is.
pub(crate) fn folder(args: &LedgerArgs, lang: Lang) -> Result<PathBuf, LedgerCliError> {
    let data_dir = match (&args.data_dir, &args.config) {
        (Some(dir), _) => dir.clone(),
        (None, Some(file)) => {
            let loaded = config::load(file, lang).map_err(|error| LedgerCliError::Config(error.render(lang)))?;
            loaded.config.gateway.data_dir
        }
        (None, None) => PathBuf::from("."),
    };
    let ledger = data_dir.join("ledger");
    if ledger.is_dir() { Ok(ledger) } else { Err(LedgerCliError::NoLedger(data_dir)) }
}

fn verify(dir: &Path, lang: Lang, out: &mut dyn Write) -> Result<u8, LedgerCliError> {
    let report = ledger::verify(dir, |_| {})?;
    let (records, segments) = (report.records, report.segments);
    let (first, last) = (report.first_seq, report.last_seq);
    writeln!(
        out,
        "{}",
        text!(lang, zh: "{records} 条记录（{first}–{last}），{segments} 个分段", en: "{records} entries ({first} to {last}) in {segments} segments")
    )?;
    if report.anchored {
        writeln!(
            out,
            "{}",
            text!(lang, zh: "第 {first} 条之前的记录保存期满，已整段移出", en: "the entries before {first} were taken out when their time was over")
        )?;
    }
    if report.removed > 0 {
        let removed = report.removed;
        writeln!(
            out,
            "{}",
            text!(lang, zh: "{removed} 条记录保存期满，内容已移除", en: "{removed} entries have no content any more: their time was over")
        )?;
    }
    if let Some(chain) = report.chain {
        let chain = HEXLOWER.encode(&chain);
        writeln!(out, "{}", text!(lang, zh: "末条链值 {chain}", en: "chain hash of the last entry {chain}"))?;
    }
    if let Some(torn) = &report.torn {
        let torn = format!("{} +{}", torn.segment, torn.offset);
        writeln!(
            out,
            "{}",
            text!(lang, zh: "末尾有未写完的一组（{torn}）：正在写入，或断电所致，从未确认过", en: "an unfinished group at the end ({torn}): being written now, or cut by a power loss; it was never acknowledged")
        )?;
    }
    for fault in &report.faults {
        writeln!(out, "{}", describe(fault, lang))?;
    }
    if report.is_sound() {
        writeln!(
            out,
            "{}",
            text!(lang, zh: "账本完好：每一条都接得上前一条", en: "sound: every entry follows from the one before")
        )?;
        return Ok(EXIT_FINE);
    }
    let count = report.fault_count;
    writeln!(out, "{}", text!(lang, zh: "账本有 {count} 处损坏", en: "damaged in {count} places"))?;
    Ok(EXIT_FAULTS)
}

fn show(dir: &Path, filter: &FilterArgs, json: bool, lang: Lang, out: &mut dyn Write) -> Result<u8, LedgerCliError> {
    let mut out = BufWriter::new(out);
    let take = |line: Line<'_>| {
        if json { write_json(line, &mut out) } else { Ok(writeln!(out, "{}", in_words(line, lang))?) }
    };
    let code = each(dir, filter, lang, take, tell, |_| {})?;
    out.flush()?;
    Ok(code)
}

fn write_json(line: Line<'_>, mut out: &mut dyn Write) -> Result<(), LedgerCliError> {
    match line {
        Line::Entry(record) => ledger::write_ndjson_line(record, &mut out)?,
        Line::Removed { seq, leaf, chain } => ledger::write_removed_line(seq, leaf, chain, &mut out)?,
    }
    Ok(())
}

fn in_words(line: Line<'_>, lang: Lang) -> String {
    match line {
        Line::Entry(record) => match Entry::decode(&record.body) {
            Ok(entry) => sentence::line(&entry, lang),
            Err(_) => {
                let seq = record.seq;
                text!(lang, zh: "{seq:>8}  此版本不认识的记录", en: "{seq:>8}  an entry that this version does not know")
            }
        },
        Line::Removed { seq, .. } => {
            text!(lang, zh: "{seq:>8}  保存期满，内容已移除", en: "{seq:>8}  removed when its time was over")
        }
    }
}

fn export(
    dir: &Path,
    (filter, format): (&FilterArgs, ExportFormat),
    watched: bool,
    lang: Lang,
    mut out: &mut dyn Write,
) -> Result<u8, LedgerCliError> {
    let progress = RefCell::new(watched.then(|| progress_of(dir, filter, lang)));
    let tell = |what: &str| {
        progress.borrow_mut().iter_mut().for_each(Progress::clear);
        tell(what);
    };
    let read = |seq| progress.borrow_mut().iter_mut().for_each(|progress| progress.at(seq, Instant::now));
    let code = match format {
        ExportFormat::Ndjson => each(dir, filter, lang, |line| write_json(line, &mut out), tell, read)?,
        ExportFormat::Csv => {
            let mut table = csv_export::Table::begin(&mut *out, lang)?;
            let code = each(dir, filter, lang, |line| table.row(line), tell, read)?;
            table.end()?;
            code
        }
    };
    out.flush()?;
    Ok(code)
}

fn progress_of(dir: &Path, filter: &FilterArgs, lang: Lang) -> Progress<io::Stderr> {
    let SeqRange { first, last } = filter.seq.unwrap_or(SeqRange::ALL);
    let range = (first, progress::about_last(dir).min(last));
    Progress::begin(io::stderr(), lang, range, Instant::now())
}

/// What is not there is told beside the answer.
pub(crate) fn tell(what: &str) {
    let _ = writeln!(io::stderr(), "{what}");
}

pub(crate) fn describe(fault: &Fault, lang: Lang) -> String {
    let (segment, offset, seq) = (&fault.segment, fault.offset, fault.seq);
    text!(lang, zh: "损坏：记录 {seq}（分段 {segment}，偏移 {offset}）：{fault}", en: "damage: {fault}")
}

#[cfg(test)]
pub(crate) mod tests;
