//! A ledger of any length is shown and exported in the same little memory.

use std::collections::VecDeque;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use schoolgate::ledger::{Ledger, LedgerId, Options};
use schoolgate_sim::gateway_process::binary;

/// What ten times the entries may take of memory, in percent.
const MOST_PERCENT: u64 = 130;
const GROUP: u64 = 1000;

fn body(seq: u64) -> Bytes {
    let (student, credential) = (seq * 7919 % 2000, seq.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    Bytes::from(format!(
        r#"{{"v":1,"seq":{seq},"at":{{"wall":"2026-09-01T07:41:05.250+08:00","boot":"9f0c6a5be21d4c33","mono_ms":{seq},"clock":"synchronised"}},"what":{{"arrived":{{"student":"s{student:04}","tap":{{"place":"east-gate","reader":"east-in","credential":"{credential:032x}"}}}}}}}}"#
    ))
}

/// A ledger of so many entries in this data folder.
async fn record(data: &Path, entries: u64) {
    let options = Options::new(LedgerId([7; 16]), Box::new(|| [9; 16]));
    let (ledger, _) = Ledger::open(&data.join("ledger"), options).unwrap();
    for first in (1..=entries).step_by(GROUP as usize) {
        let last = (first + GROUP - 1).min(entries);
        let mut group: VecDeque<_> = (first..=last).map(|seq| (seq, body(seq))).collect();
        ledger.append_all(&mut group).unwrap();
        ledger.durable().wait_for(|durable| durable.through >= last).await.unwrap();
    }
    ledger.close().unwrap();
}

/// Runs the command to its end; gives the lines that it wrote, and the most memory that it had until shortly before, in
/// KiB: the last look is at most a full pipe away from the end.
fn peak_kib(arguments: &[&str], data: &Path) -> (usize, u64) {
    let mut command = Command::new(binary().unwrap());
    command.args(["--lang", "en", "ledger"]).args(arguments).arg("--data-dir").arg(data);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let (mut out, mut chunk) = (child.stdout.take().unwrap(), vec![0; 64 << 10]);
    let (mut lines, mut peak) = (0, 0);
    loop {
        let read = out.read(&mut chunk).unwrap();
        if read == 0 {
            break;
        }
        lines += chunk[..read].iter().filter(|&&byte| byte == b'\n').count();
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let told = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let told = told.and_then(|told| told.split_whitespace().next()?.parse().ok());
        peak = peak.max(told.unwrap_or(0));
    }
    assert!(child.wait().unwrap().success(), "{arguments:?}");
    (lines, peak)
}

#[tokio::test]
async fn ten_times_the_entries_are_shown_and_exported_in_the_same_memory() {
    let (few, many) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    record(few.path(), 20_000).await;
    record(many.path(), 200_000).await;
    for arguments in [&["export", "--format", "ndjson"][..], &["export", "--format", "csv"], &["show"]] {
        let (few_lines, few_kib) = peak_kib(arguments, few.path());
        let (many_lines, many_kib) = peak_kib(arguments, many.path());
        println!("{arguments:?}: {few_kib} KiB for 20,000 entries, {many_kib} KiB for 200,000");
        assert!(few_lines >= 20_000 && many_lines >= 200_000, "{arguments:?}: {few_lines}, {many_lines} lines");
        assert!(few_kib > 0 && many_kib * 100 <= few_kib * MOST_PERCENT, "{arguments:?}: {few_kib} to {many_kib} KiB");
    }
}
