//! A ledger made up for tests, shared by the tests of the platform and of sync.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test binary uses a part of it")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use schoolgate::sync::{Record, Source, SourceError};
use schoolgate_sim::platform::{Line, chain_link, genesis, leaf};

pub const GATEWAY: &str = "east-gate";
pub const TOKEN: &str = "token-made-up-for-tests";
pub const LEDGER: [u8; 16] = [0x8f; 16];

/// Entries 1 to `count` of a ledger; `word` tells one history from another.
pub fn lines(ledger: [u8; 16], count: u64, word: &str) -> Vec<Line> {
    let mut hash = genesis(&ledger);
    let mut line = |seq: u64| {
        let entry = entry(seq, word);
        let mut salt = [0; 16];
        salt[..8].copy_from_slice(&seq.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        hash = chain_link(&hash, &leaf(&salt, entry.as_bytes()));
        Line { seq, chain: hash, salt, entry: Bytes::from(entry) }
    };
    (1..=count).map(&mut line).collect()
}

/// As a ledger writes one: 200 bytes and more, some of it Chinese.
pub fn entry(seq: u64, word: &str) -> String {
    let (minute, second, ms) = (seq / 60 % 60, seq % 60, seq * 1000);
    format!(
        "{{\"v\":1,\"seq\":{seq},\"at\":{{\"wall\":\"2026-11-20T16:{minute:02}:{second:02}+08:00\",\
         \"boot\":\"c0ffee00c0ffee00\",\"mono_ms\":{ms},\"clock\":\"synchronised\"}},\
         \"what\":{{\"tap\":{{\"place\":\"东门\",\"reader\":\"r{}\",\"credential\":\"{seq:032x}\",\"word\":\"{word}\"}}}}}}",
        seq % 4,
    )
}

/// The lines as NDJSON.
pub fn ndjson(lines: &[Line]) -> Vec<u8> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut text = Vec::new();
    for line in lines {
        let (chain, salt) = (hex(&line.chain), hex(&line.salt));
        let head = format!(r#"{{"seq":{},"chain":"{chain}","salt":"{salt}","entry":"#, line.seq);
        text.extend_from_slice(head.as_bytes());
        text.extend_from_slice(&line.entry);
        text.extend_from_slice(b"}\n");
    }
    text
}

pub fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A ledger in memory that remembers what was acknowledged.
#[derive(Clone)]
pub struct MemoryLedger {
    pub lines: Arc<Vec<Line>>,
    pub acknowledged: Arc<Mutex<Vec<u64>>>,
}

impl MemoryLedger {
    pub fn new(lines: Vec<Line>) -> Self {
        Self { lines: Arc::new(lines), acknowledged: Arc::default() }
    }
}

impl Source for MemoryLedger {
    fn read(&mut self, from: u64, max_entries: usize, max_bytes: usize) -> Result<Vec<Record>, SourceError> {
        let mut bytes = 0;
        let fits = |line: &&Line| {
            bytes += line.entry.len();
            bytes <= max_bytes || line.seq == from
        };
        let record =
            |line: &Line| Record { seq: line.seq, salt: line.salt, chain: line.chain, body: line.entry.clone() };
        let rest = self.lines.iter().skip(from as usize - 1).take(max_entries);
        Ok(rest.take_while(fits).map(record).collect())
    }

    fn acknowledged(&mut self, through: u64) {
        self.acknowledged.lock().unwrap().push(through);
    }
}
