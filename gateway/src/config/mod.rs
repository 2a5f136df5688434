//! The configuration: one TOML file, checked as a whole before anything starts.
//!
//! [`table`] declares every section and field once; parser, messages and template come from it. A file goes through
//! syntax, fields (`document`), relations between them and what they name on this machine (`files`), and every mistake
//! on the way is noted, so that one check shows all of them. Only a file without one becomes a [`Config`]. To add a
//! field: a line in `table`, a member in `model`, a line in `build`.

mod build;
mod document;
mod fault;
mod fields;
mod files;
pub mod id;
mod model;
mod osdp;
mod relations;
mod secret;
mod syntax;
pub mod table;
mod template;
#[cfg(test)]
mod tests;
mod value;
mod wiring;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use schoolgate_core::text;
use schoolgate_core::text::Lang;

use self::document::Document;
use self::fault::Report;
pub use self::fault::{Fault, MAX_FAULTS, Severity};
pub use self::model::{
    Backend, Board, Cards, ClientCert, Clock, ClockSource, Config, Gate, Gateway, Input, InputKind, Language, Line,
    Link, Mqtt, OsdpLine, Place, Platform, Reader, ReaderKind, Retention, Role, SerialLine, Tls,
};
pub use self::secret::{MAX_SECRET_BYTES, Secret32, SecretError, SecretText, SunSecret};
pub use self::template::template;

/// Largest configuration file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 256 * 1024;

/// A configuration that may run.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// The key that card numbers are hashed with.
    pub card_key: Secret32,
    /// The secret that pickup codes are made with; without it none is taken.
    pub pass_secret: Option<Secret32>,
    /// The keys of NTAG 424 DNA cards; without them such cards are known by their numbers.
    pub sun: Option<SunSecret>,
    /// What is allowed but hardly meant, in the order of the file.
    pub warnings: Vec<Fault>,
}

/// A configuration as far as its text alone tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The configuration.
    pub config: Config,
    /// What is allowed but hardly meant, in the order of the file.
    pub warnings: Vec<Fault>,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file itself can't be read.
    #[error("can't read the configuration file {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file has mistakes: all of them, and the warnings, in the order of the file.
    #[error("the configuration has mistakes")]
    Faults(Vec<Fault>),
}

impl LoadError {
    /// The whole message, a line for each mistake.
    pub fn render(&self, lang: Lang) -> String {
        match self {
            Self::Read { path, source } => {
                let path = path.display();
                let why = secret::unreadable(source, lang);
                text!(lang, zh: "{path}：{why}", en: "{path}: {why}")
            }
            Self::Faults(faults) => faults.iter().map(|fault| fault.render(lang)).collect::<Vec<_>>().join("\n"),
        }
    }
}

/// Reads the file at `path` and everything that it names, with messages in `lang`. Relative paths in the file start at
/// its folder.
pub fn load(path: &Path, lang: Lang) -> Result<Loaded, LoadError> {
    let unreadable = |source| LoadError::Read { path: path.to_owned(), source };
    let bytes = read(path).map_err(unreadable)?;
    let base_dir = std::path::absolute(path).map_err(unreadable)?.parent().unwrap_or(Path::new("/")).to_owned();
    let file_name = path.display().to_string();
    // What is not UTF-8 becomes U+FFFD, which the check below points at.
    let text = String::from_utf8_lossy(&bytes);
    let mut report = Report::new(&file_name, &text, lang);
    if let Err(error) = std::str::from_utf8(&bytes) {
        note_encoding(error.valid_up_to(), &mut report);
        return Err(LoadError::Faults(report.into_faults()));
    }
    let document = examine(&text, &mut report);
    let secrets = document.as_ref().map(|document| files::check(document, &base_dir, &mut report)).unwrap_or_default();
    match finish(document.as_ref(), &base_dir, report) {
        Ok((config, warnings)) => match secrets.card_key {
            Some(card_key) => {
                Ok(Loaded { config, card_key, pass_secret: secrets.pass_secret, sun: secrets.sun, warnings })
            }
            None => Err(LoadError::Faults(warnings)),
        },
        Err(faults) => Err(LoadError::Faults(faults)),
    }
}

/// Like [`load`], for a gateway that is about to run: what is wrong with a file that the configuration names (the broker's
/// certificate, the platform's token) becomes a warning, for the gates must open without broker and platform. Only the
/// text and the card key have to be right.
pub fn load_for_run(path: &Path, lang: Lang) -> Result<Loaded, LoadError> {
    let faults = match load(path, lang) {
        Err(LoadError::Faults(faults)) => faults,
        loaded => return loaded,
    };
    let read_again = || {
        let text = String::from_utf8(read(path).ok()?).ok()?;
        let base_dir = std::path::absolute(path).ok()?.parent().unwrap_or(Path::new("/")).to_owned();
        let config = check_text(&path.display().to_string(), &text, &base_dir, lang).ok()?.config;
        let card_key = Secret32::read(&config.gateway.card_key_file).ok()?;
        let pass_secret = config.gateway.pass_secret_file.as_deref().and_then(|file| Secret32::read(file).ok());
        let sun = config.cards.as_ref().and_then(|cards| SunSecret::read(&cards.ntag424_key_file).ok());
        Some(Loaded { config, card_key, pass_secret, sun, warnings: faults.clone() })
    };
    read_again().ok_or(LoadError::Faults(faults))
}

/// Checks a configuration's text alone: nothing that it names is looked at. `file_name` is for messages, `base_dir`
/// (absolute) is where relative paths start.
pub fn check_text(file_name: &str, text: &str, base_dir: &Path, lang: Lang) -> Result<Checked, Vec<Fault>> {
    let mut report = Report::new(file_name, text, lang);
    let document = examine(text, &mut report);
    finish(document.as_ref(), base_dir, report).map(|(config, warnings)| Checked { config, warnings })
}

fn examine(text: &str, report: &mut Report<'_>) -> Option<Document> {
    if text.len() > MAX_FILE_BYTES {
        let found = text!(report.lang, zh: "文件过大", en: "a file that is too large");
        let would_do = text!(report.lang, zh: "至多 {MAX_FILE_BYTES} 字节", en: "at most {MAX_FILE_BYTES} bytes");
        report.fault(0, "", found, would_do);
        return None;
    }
    let root = syntax::parse(text, report)?;
    let document = Document::read(root.get_ref(), report);
    if !report.is_partial() {
        relations::check(&document, report);
    }
    Some(document)
}

fn finish(
    document: Option<&Document>,
    base_dir: &Path,
    mut report: Report<'_>,
) -> Result<(Config, Vec<Fault>), Vec<Fault>> {
    if report.has_faults() {
        return Err(report.into_faults());
    }
    match document.and_then(|document| build::build(document, base_dir)) {
        Some(config) => Ok((config, report.into_faults())),
        None => {
            // The table and the model disagree: a mistake of ours, but never a reason to run with half of a file.
            let found = text!(report.lang, zh: "程序自身的错误", en: "a mistake of this program's own");
            let would_do = text!(report.lang, zh: "请报告", en: "a report of it, with this file");
            report.fault(0, "", found, would_do);
            Err(report.into_faults())
        }
    }
}

/// One byte more than allowed, so that a file that is too large shows.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn note_encoding(at: usize, report: &mut Report<'_>) {
    let found =
        text!(report.lang, zh: "不是 UTF-8 编码（是否存成了 GBK？）", en: "a text that is not UTF-8 (saved as GBK?)");
    report.fault(at, "", found, text!(report.lang, zh: "另存为 UTF-8", en: "the file saved as UTF-8"));
}
