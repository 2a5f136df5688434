//! Whatever is asked and however the index is, the lines are those that reading everything gives.

use std::path::PathBuf;

use proptest::prelude::*;
use schoolgate_core::{
    credential::CredentialId,
    entry::{ENTRY_VERSION, Entry, Reason, Seq, Tap, What},
    id::{PlaceId, ReaderId, StudentId},
    proof::Proof,
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
};
use tempfile::TempDir;

use super::*;
use crate::{
    ledger::{Ledger, LedgerId, Options},
    ledger_cli::select::{Line, each},
    mentions::Mentions,
};

const ID: LedgerId = LedgerId([7; 16]);
const ENTRIES: u64 = 600;

/// Ten entries a day of five students at three gates; of every hundred, some before the clock was set.
fn entry(seq: u64) -> Entry {
    let tap = Tap {
        place: PlaceId::try_new(&format!("gate-{}", seq % 3)).unwrap(),
        reader: ReaderId::try_new("in").unwrap(),
        credential: CredentialId([1; 16]),
        proof: Proof::Number,
    };
    let what = match seq % 7 {
        0 => What::Started { version: "0.1.0".into() },
        1 => What::Refused { holder: None, tap, reason: Reason::Unknown },
        _ => What::Arrived { student: StudentId::try_new(&format!("s{}", seq % 5)).unwrap(), tap, missed: None },
    };
    let wall = Wall::new(1_788_000_000_000 + (seq as i64 / 10) * 86_400_000, 480);
    let clock = if seq % 100 < 3 { ClockQuality::Unset } else { ClockQuality::Synchronised };
    let at = Stamp { wall, boot: BootId(1 + seq / 100), mono: Mono(seq * 1_000), clock };
    Entry { v: ENTRY_VERSION, seq: Seq(seq), at, what }
}

fn options() -> Options {
    let mut count = 0u128;
    let salts = move || {
        count += 1;
        count.to_le_bytes()
    };
    Options { segment_bytes: 16 << 10, ..Options::new(ID, Box::new(salts)) }
}

/// A data folder whose store has indexed the entries through this one.
struct Data {
    dir: TempDir,
    ledger: PathBuf,
    store: PathBuf,
}

impl Data {
    fn indexed_through(through: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let it = Self { ledger: dir.path().join("ledger"), store: dir.path().join("store"), dir };
        let (ledger, _) = Ledger::open(&it.ledger, options()).unwrap();
        (1..=ENTRIES).for_each(|seq| ledger.append(seq, entry(seq).encode().unwrap().into()).unwrap());
        ledger.close().unwrap();
        it.index(through);
        it
    }

    fn index(&self, through: u64) {
        let (store, _) = Store::open(&self.store, ID, u64::MAX).unwrap();
        let from = store.indexed().unwrap().through + 1;
        let records = ledger::open_records(&self.ledger, from).unwrap().flatten();
        let records: Vec<Record> = records.take_while(|record| record.seq <= through).collect();
        store.index(&records, Mentions::of).unwrap();
    }

    /// The numbers shown, the exit code, and what is told of removed and damaged entries.
    fn show(&self, filter: &FilterArgs) -> (Vec<u64>, u8, Vec<String>) {
        let (mut seqs, mut told) = (Vec::new(), Vec::new());
        let take = |line: Line<'_>| {
            seqs.push(match line {
                Line::Entry(record) => record.seq,
                Line::Removed { seq, .. } => seq,
            });
            Ok(())
        };
        let tell = |what: &str| {
            if !what.contains("index") {
                told.push(what.to_owned());
            }
        };
        let code = each(&self.ledger, filter, Lang::En, take, tell, |_| {}).unwrap();
        (seqs, code, told)
    }

    fn assert_same(&self, filter: FilterArgs) -> usize {
        let read = self.show(&filter);
        let indexed = FilterArgs { indexed: true, ..filter };
        assert_eq!(self.show(&indexed), read, "{indexed:?}");
        read.0.len()
    }

    /// Some of every sort of question; how many lines they had in all.
    fn assert_answers(&self) -> usize {
        let text = |id: &str| Some(id.to_owned());
        let ids = [
            FilterArgs { student: text("s3"), ..FilterArgs::default() },
            FilterArgs { student: text("nobody"), ..FilterArgs::default() },
            FilterArgs { place: text("gate-1"), ..FilterArgs::default() },
            FilterArgs { student: text("s1"), place: text("gate-2"), kinds: vec!["arrived"], ..FilterArgs::default() },
            FilterArgs { session: text("homework"), ..FilterArgs::default() },
            FilterArgs { guardian: text("g1"), ..FilterArgs::default() },
        ];
        let times = [(None, None), (Some("2026-09-05"), Some("2026-09-20")), (Some("2026-10-01T07:30:00-09:00"), None)];
        let seqs = [None, Some("100..350"), Some("580..")];
        let mut lines = 0;
        for filter in &ids {
            for (from, until) in times {
                for seq in seqs {
                    let edge = |text: Option<&str>| text.map(|text| text.parse().unwrap());
                    let (from, until, seq) = (edge(from), edge(until), seq.map(|seq| seq.parse().unwrap()));
                    lines += self.assert_same(FilterArgs { from, until, seq, ..filter.clone() });
                }
            }
        }
        lines
    }

    fn look_up(&self) -> Result<Found, NoIndex> {
        look_up(&self.ledger, &FilterArgs { student: Some("s3".into()), ..FilterArgs::default() })
    }
}

#[test]
fn by_the_index_everything_is_found_that_reading_finds() {
    for through in [ENTRIES, 430, 1] {
        let data = Data::indexed_through(through);
        let found = data.look_up().unwrap();
        assert_eq!((found.from, found.through), (1, through));
        assert!(data.assert_answers() > 500);
    }
}

#[test]
fn a_day_is_looked_up_without_the_other_days_entries() {
    let data = Data::indexed_through(ENTRIES);
    let day: Edge = "2026-09-10".parse().unwrap();
    let filter =
        FilterArgs { place: Some("gate-1".into()), from: Some(day), until: Some(day), ..FilterArgs::default() };
    let of_day = look_up(&data.ledger, &filter).unwrap().seqs;
    let undated = (1..=ENTRIES).filter(|seq| seq % 100 < 3).count();
    assert!(!of_day.is_empty() && of_day.len() <= 10 + undated, "{of_day:?}");
}

#[test]
fn after_retention_the_index_begins_behind_what_it_touched_and_finds_the_same() {
    let data = Data::indexed_through(500);
    let (ledger, _) = Ledger::open(&data.ledger, options()).unwrap();
    let keep = crate::ledger::Keep { from: u64::MAX, entries: 0 };
    let mut going = 0..3;
    let fate = crate::ledger::Fate::Delete;
    let first = ledger.retire(keep, &fate, |_| going.next().is_some()).unwrap().first_seq;
    let touched = ledger.sealed().unwrap()[1].clone();
    assert!(ledger.redact(touched.first_seq, keep, |record| record.seq % 2 == 0).unwrap() > 0);
    ledger.close().unwrap();
    assert!(first > 1);
    // The keeper is yet to hear of it: how many were removed is known of those that were looked for only.
    let filter = FilterArgs { student: Some("s3".into()), ..FilterArgs::default() };
    let ((read, ..), (looked_up, ..)) = (data.show(&filter), data.show(&FilterArgs { indexed: true, ..filter }));
    assert_eq!(looked_up, read);
    let (store, _) = Store::open(&data.store, ID, u64::MAX).unwrap();
    store.forget_through(touched.last_seq).unwrap();
    drop(store);
    assert_eq!(data.look_up().unwrap().from, touched.last_seq + 1);
    data.assert_answers();
}

#[test]
fn a_store_in_use_is_read_all_the_same_and_not_touched() {
    let data = Data::indexed_through(400);
    let (_in_use, _) = Store::open(&data.store, ID, u64::MAX).unwrap();
    assert_eq!(data.look_up().unwrap().through, 400);
}

#[test]
fn an_index_that_does_not_fit_is_not_used() {
    let data = Data::indexed_through(ENTRIES);
    let another = Data::indexed_through(10);
    std::fs::remove_dir_all(&another.store).unwrap();
    assert!(matches!(another.look_up(), Err(NoIndex::None)));
    another.assert_answers();

    // Another ledger's.
    drop(Store::open(&another.store, LedgerId([8; 16]), u64::MAX).unwrap());
    assert!(matches!(another.look_up(), Err(NoIndex::Store(StoreError::Unfit(_)))));
    // One that has indexed nothing.
    drop(Store::open(&another.store, ID, u64::MAX).unwrap());
    assert!(matches!(another.look_up(), Err(NoIndex::OtherHistory)));
    // That of a history with other salts, so other hashes.
    std::fs::remove_dir_all(&another.ledger).unwrap();
    let (ledger, _) = Ledger::open(&another.ledger, Options { salts: Box::new(|| [3; 16]), ..options() }).unwrap();
    (1..=ENTRIES).for_each(|seq| ledger.append(seq, entry(seq).encode().unwrap().into()).unwrap());
    ledger.close().unwrap();
    std::fs::remove_dir_all(&another.store).unwrap();
    std::fs::create_dir(&another.store).unwrap();
    copy_folder(&data.store, &another.store, &mut 0).unwrap();
    assert!(matches!(another.look_up(), Err(NoIndex::OtherHistory)));
    another.assert_answers();
    assert!(matches!(look_up(&data.ledger, &FilterArgs::default()), Err(NoIndex::NothingToLookUp)));
    assert!(data.dir.path().join("store").is_dir());
}

#[test]
fn what_is_damaged_is_told_where_it_is_asked_for() {
    let data = Data::indexed_through(ENTRIES);
    let first = data.ledger.join("00000000000000000001.seg");
    let mut bytes = std::fs::read(&first).unwrap();
    let at = bytes.windows(8).position(|part| part == b"\"seq\":13").unwrap(); // s3's
    bytes[at] ^= 1;
    std::fs::write(&first, bytes).unwrap();
    data.assert_same(FilterArgs { student: Some("s3".into()), ..FilterArgs::default() });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_to_the_stores_files_the_same_lines_are_shown(
        file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), how in 0..3u8, noise: u64,
    ) {
        let data = Data::indexed_through(ENTRIES);
        let mut files: Vec<_> = std::fs::read_dir(&data.store).unwrap().flatten().map(|file| file.path()).collect();
        files.retain(|path| path.is_file());
        files.sort();
        let path = file.get(&files);
        let mut bytes = std::fs::read(path).unwrap();
        let at = at.index(bytes.len() + 1);
        match how {
            0 => std::fs::remove_file(path).unwrap(),
            1 => std::fs::write(path, &bytes[..at]).unwrap(),
            _ => {
                bytes.iter_mut().skip(at).take(8).zip(noise.to_le_bytes()).for_each(|(byte, noise)| *byte ^= noise);
                std::fs::write(path, bytes).unwrap();
            }
        }
        data.assert_same(FilterArgs { student: Some("s3".into()), ..FilterArgs::default() });
        data.assert_same(FilterArgs { place: Some("gate-1".into()), ..FilterArgs::default() });
    }
}
