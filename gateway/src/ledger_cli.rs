//! `schoolgate ledger`: verify, show, export, prove; and `schoolgate key`. Reads only, beside a running gateway or on a copy of its folder.

mod csv_export;
mod proof;
mod sentence;

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use schoolgate_core::{entry::Entry, text, text::Lang};

use crate::{
    cli::{EXIT_FAULTS, EXIT_FINE, ExportFormat, FilterArgs, LedgerArgs, LedgerCommand},
    config, evidence,
    keeper::subjects,
    ledger::{self, Fault, LayoutError, ReadError, Record, VerifyError},
};

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
                Some(file) => export(&dir, filter, *format, lang, &mut BufWriter::new(File::create(file)?)),
                None => export(&dir, filter, *format, lang, &mut BufWriter::new(out)),
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
    if let Some(chain) = report.chain {
        let chain = hex(&chain);
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
    let code = each(
        dir,
        filter,
        |record| {
            if json {
                ledger::write_ndjson_line(record, &mut out)?;
                return Ok(());
            }
            match Entry::decode(&record.body) {
                Ok(entry) => writeln!(out, "{}", sentence::line(&entry, lang))?,
                Err(_) => {
                    let seq = record.seq;
                    writeln!(
                        out,
                        "{seq:>8}  {}",
                        text!(lang, zh: "此版本不认识的记录", en: "an entry that this version does not know")
                    )?;
                }
            }
            Ok(())
        },
        |fault| tell(fault, lang),
    )?;
    out.flush()?;
    Ok(code)
}

fn export(
    dir: &Path,
    filter: &FilterArgs,
    format: ExportFormat,
    lang: Lang,
    mut out: &mut dyn Write,
) -> Result<u8, LedgerCliError> {
    let tell = |fault: &Fault| tell(fault, lang);
    let code = match format {
        ExportFormat::Ndjson => each(dir, filter, |record| Ok(ledger::write_ndjson_line(record, &mut out)?), tell)?,
        ExportFormat::Csv => {
            let mut table = csv_export::Table::begin(&mut *out, lang)?;
            let code = each(dir, filter, |record| table.row(record), tell)?;
            table.end()?;
            code
        }
    };
    out.flush()?;
    Ok(code)
}

/// Every record that the filter lets through, in order and in bounded memory. Damaged places are told and passed over.
pub(crate) fn each(
    dir: &Path,
    filter: &FilterArgs,
    mut take: impl FnMut(&Record) -> Result<(), LedgerCliError>,
    mut damaged: impl FnMut(&Fault),
) -> Result<u8, LedgerCliError> {
    let last = filter.to.unwrap_or(u64::MAX);
    let mut code = EXIT_FINE;
    for item in ledger::open_records(dir, filter.from.unwrap_or(1))? {
        match item {
            Ok(record) if record.seq > last => break,
            Ok(record) => {
                if filter.subject.as_ref().is_none_or(|subject| concerns(&record, subject)) {
                    take(&record)?;
                }
            }
            Err(ReadError::Damaged(fault)) if fault.seq > last => break,
            Err(ReadError::Damaged(fault)) => {
                damaged(&fault);
                code = EXIT_FAULTS;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(code)
}

/// Whether the entry is about this person, place or reader.
fn concerns(record: &Record, subject: &str) -> bool {
    let place = || {
        Entry::decode(&record.body).ok().and_then(|entry| {
            let place = entry.what.place().is_some_and(|place| place.as_str() == subject);
            let reader = entry.what.tap().is_some_and(|tap| tap.reader.as_str() == subject);
            (place || reader).then_some(())
        })
    };
    subjects(&record.body).iter().any(|id| id == subject) || place().is_some()
}

/// Damage is told beside the answer.
pub(crate) fn tell(fault: &Fault, lang: Lang) {
    let _ = writeln!(io::stderr(), "{}", describe(fault, lang));
}

fn describe(fault: &Fault, lang: Lang) -> String {
    let (segment, offset, seq) = (&fault.segment, fault.offset, fault.seq);
    text!(lang, zh: "损坏：记录 {seq}（分段 {segment}，偏移 {offset}）：{fault}", en: "damage: {fault}")
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
