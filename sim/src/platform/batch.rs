//! The body of a batch: gzip and NDJSON to checked lines, whole or not at all.
//!
//! What is said of a fault names the line and the column, never what stands there: entries are about children.

use std::borrow::Cow;
use std::fmt;
use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde::de::{Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::chain::Hash;
use super::unhex;

/// The largest sequence number: integers beyond it are not exact in every JSON reader.
pub(super) const MAX_SEQ: u64 = (1 << 53) - 1;

/// One line: an entry as its gateway's ledger has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub seq: u64,
    /// The chain's hash through this entry.
    pub chain: Hash,
    /// The salt of its leaf.
    pub salt: [u8; 16],
    /// The entry's verbatim bytes, a JSON object.
    pub entry: Bytes,
}

/// What a request may be at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Lines.
    pub entries: usize,
    /// Body, decompressed.
    pub bytes: usize,
    /// Body, as sent.
    pub compressed_bytes: usize,
    /// One line, without its LF.
    pub line_bytes: usize,
}

impl Default for Limits {
    /// The document's `x-limits`.
    fn default() -> Self {
        Self { entries: 2000, bytes: 4 << 20, compressed_bytes: 2 << 20, line_bytes: 256 << 10 }
    }
}

impl Limits {
    pub(super) fn to_json(self) -> Value {
        json!({
            "entries": self.entries,
            "bytes": self.bytes,
            "compressed_bytes": self.compressed_bytes,
            "line_bytes": self.line_bytes,
        })
    }
}

/// What is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It does not decompress, or has no line.
    Body(String),
    /// It is over a limit.
    TooLarge(String),
    /// A line is not of the documented form.
    Malformed {
        /// The line, from 1.
        line: usize,
        /// What was found and what would do.
        why: String,
    },
}

/// Reads a gzip body whose first line must have the sequence number `from`.
///
/// # Errors
/// The first [`Fault`]; then no line of the body counts.
pub fn parse(packed: &[u8], from: u64, limits: &Limits) -> Result<Vec<Line>, Fault> {
    let text = unpack(packed, limits)?;
    let text = text.strip_suffix(b"\n").unwrap_or(&text);
    if text.is_empty() {
        return Err(Fault::Body("it has no line; send at least one entry".to_owned()));
    }
    let mut lines = Vec::new();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if at == limits.entries {
            return Err(Fault::TooLarge(format!("it has more than {} lines", limits.entries)));
        }
        if line.len() > limits.line_bytes {
            return Err(Fault::TooLarge(format!("line {} is over {} bytes", at + 1, limits.line_bytes)));
        }
        let expected = from.saturating_add(at as u64);
        let parsed = parse_line(line).and_then(|line| match line.seq == expected {
            true => Ok(line),
            false => Err(format!("its seq is {}, not {expected} as from and the lines before it say", line.seq)),
        });
        lines.push(parsed.map_err(|why| Fault::Malformed { line: at + 1, why })?);
    }
    Ok(lines)
}

fn unpack(packed: &[u8], limits: &Limits) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    // One byte more than allowed is read, to tell "at the limit" from "over it" without unpacking a bomb.
    MultiGzDecoder::new(packed)
        .take(limits.bytes as u64 + 1)
        .read_to_end(&mut text)
        .map_err(|error| Fault::Body(format!("it is not whole gzip: {error}")))?;
    if text.len() > limits.bytes {
        return Err(Fault::TooLarge(format!("it is over {} bytes decompressed", limits.bytes)));
    }
    Ok(text)
}

/// Reads one line, without its LF.
pub(super) fn parse_line(line: &[u8]) -> Result<Line, String> {
    let text = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    let raw: RawLine<'_> = object(text, "it")?;
    if !(1..=MAX_SEQ).contains(&raw.seq) {
        return Err(format!("its seq is {}; 1 to {MAX_SEQ} would do", raw.seq));
    }
    check_entry(raw.entry.get(), raw.seq)?;
    Ok(Line {
        seq: raw.seq,
        chain: unhex(&raw.chain).ok_or("its chain is not 64 lower-case hex digits")?,
        salt: unhex(&raw.salt).ok_or("its salt is not 32 lower-case hex digits")?,
        entry: Bytes::copy_from_slice(raw.entry.get().as_bytes()),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLine<'a> {
    seq: u64,
    #[serde(borrow)]
    chain: Cow<'a, str>,
    #[serde(borrow)]
    salt: Cow<'a, str>,
    #[serde(borrow)]
    entry: &'a RawValue,
}

/// As much of an entry as every kind of entry has.
#[derive(Deserialize)]
struct RawEntry<'a> {
    v: u64,
    seq: u64,
    #[serde(borrow)]
    at: &'a RawValue,
    #[serde(rename = "what")]
    _what: OneKind,
}

#[derive(Deserialize)]
struct RawAt<'a> {
    #[serde(borrow)]
    wall: Cow<'a, str>,
    #[serde(borrow)]
    boot: Cow<'a, str>,
    mono_ms: u64,
    #[serde(borrow)]
    clock: &'a RawValue,
}

fn check_entry(text: &str, seq: u64) -> Result<(), String> {
    let entry: RawEntry<'_> = object(text, "its entry")?;
    let at: RawAt<'_> = object(entry.at.get(), "its entry's at")?;
    let fault = if entry.v != 1 {
        "its entry's v is not 1"
    } else if entry.seq != seq {
        "its entry has another seq than the line"
    } else if !is_rfc3339(&at.wall) {
        "its entry's at.wall is not RFC 3339 with offset"
    } else if !is_boot_id(&at.boot) {
        "its entry's at.boot is not 1 to 64 lower-case hex digits"
    } else if at.mono_ms > MAX_SEQ {
        "its entry's at.mono_ms is over 2^53 - 1"
    } else if !at.clock.get().starts_with(['"', '{']) {
        "its entry's at.clock is neither a string nor an object"
    } else {
        return Ok(());
    };
    Err(fault.to_owned())
}

/// Deserializes an object. (A derived struct would take an array too.)
fn object<'a, T: Deserialize<'a>>(text: &'a str, name: &str) -> Result<T, String> {
    if !text.trim_ascii_start().starts_with('{') {
        return Err(format!("{name} is not a JSON object"));
    }
    serde_json::from_str(text).map_err(|error| {
        // The error's own words may quote the line.
        let what =
            if error.is_data() { "lacks a property, or has one too many or of another type" } else { "is not JSON" };
        format!("{name} {what}, at column {}", error.column())
    })
}

fn is_rfc3339(text: &str) -> bool {
    let separated = matches!(text.as_bytes().get(10), Some(b'T' | b't' | b' '));
    separated && !text.contains('[') && text.parse::<jiff::Timestamp>().is_ok()
}

fn is_boot_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// An object with one property, named in snake_case, whose value is an object.
struct OneKind;

impl<'de> Deserialize<'de> for OneKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OneKindVisitor)
    }
}

struct OneKindVisitor;

impl<'de> Visitor<'de> for OneKindVisitor {
    type Value = OneKind;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one property")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OneKind, A::Error> {
        let (kind, facts) = map.next_entry::<Cow<'de, str>, &RawValue>()?.ok_or_else(|| A::Error::custom("no kind"))?;
        if !is_kind(&kind) || !facts.get().starts_with('{') {
            return Err(A::Error::custom("not a kind with its facts"));
        }
        match map.next_key::<serde::de::IgnoredAny>()? {
            None => Ok(OneKind),
            Some(_) => Err(A::Error::custom("more than one kind")),
        }
    }
}

fn is_kind(name: &str) -> bool {
    let starts_well = name.starts_with(|first: char| first.is_ascii_lowercase());
    starts_well && name.len() <= 64 && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}
