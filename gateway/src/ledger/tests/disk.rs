//! On the real disk: files, lock, text, and the bytes that must open for ever.

use std::{
    fs,
    sync::atomic::{AtomicU64, Ordering},
};

use super::*;
use crate::ledger::medium::MediumFile;

/// A golden folder: the segments of a ledger and the lines that it exports.
type Golden = ([(&'static str, &'static [u8]); 2], &'static str);

macro_rules! golden {
    ($version:literal, $($name:literal),*) => {
        ([$(($name, include_bytes!(concat!("../golden/", $version, "/", $name)))),*],
         include_str!(concat!("../golden/", $version, "/entries.ndjson")))
    };
}

const GOLDEN_V1: ([(&str, &[u8]); 1], &str) = golden!("v1", "00000000000000000001.seg");
const GOLDEN_V2: Golden = golden!("v2", "00000000000000000001.seg", "00000000000000000005.seg");

fn lay_out(dir: &Path, segments: &[(&str, &[u8])]) {
    segments.iter().for_each(|(name, bytes)| fs::write(dir.join(name), bytes).unwrap());
}

fn exported(dir: &Path) -> String {
    let mut lines = Vec::new();
    export_ndjson(dir, 1..=u64::MAX, &mut lines, |_| {}).unwrap();
    String::from_utf8(lines).unwrap()
}

/// The golden files are the format's versions. If this fails, the change breaks every ledger out
/// there: revert it, or give the format a new version.
#[test]
fn a_ledger_of_version_1_opens_for_ever_and_goes_on_in_version_2() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    lay_out(dir, &GOLDEN_V1.0);
    let (ledger, recovery) = Ledger::open(dir, options()).unwrap();
    assert_eq!((recovery.ledger, recovery.last_seq, &recovery.faults[..]), (ID, 3, &[][..]));
    assert_eq!(exported(dir), GOLDEN_V1.1);
    ledger.append(4, body(4)).unwrap();
    wait_for(&ledger, |durable| durable.through == 4);
    let leaves: Vec<_> = ledger.reader().tree().leaf_hashes(1..=4).map(|leaf| leaf.unwrap().1).collect();
    assert_eq!(ledger.tree(), (4, merkle::mth(&leaves)));
    assert_eq!(recovery.root, merkle::mth(&leaves[..3]));
    ledger.close().unwrap();
    // What is of version 1 stays as it is; the tree in the next segment's header has it all.
    assert!(fs::read(dir.join(GOLDEN_V1.0[0].0)).unwrap() == GOLDEN_V1.0[0].1);
    assert!(fs::read(dir.join("00000000000000000004.seg")).unwrap()[8..12] == [2, 0, 0, 0]);
    let report = verify(dir, |_| {}).unwrap();
    assert!(report.is_sound());
    assert_eq!((report.records, report.root), (4, Some(merkle::mth(&leaves))));
    let (ledger, recovery) = Ledger::open(dir, options()).unwrap();
    assert_eq!((recovery.last_seq, recovery.root), (4, merkle::mth(&leaves)));
    // Its bodies can be removed too: the segment is one of version 2 from then on.
    let keep = Keep { from: u64::MAX, entries: 0 };
    assert_eq!(ledger.redact(1, keep, |record| record.seq == 2).unwrap(), 1);
    drop(ledger);
    let report = verify(dir, |_| {}).unwrap();
    assert!(report.is_sound());
    assert_eq!((report.records, report.removed, report.root), (4, 1, Some(merkle::mth(&leaves))));
    assert!(exported(dir).lines().nth(1).unwrap().contains(r#""removed":true,"leaf":""#));
}

#[test]
fn a_ledger_of_version_2_opens_for_ever() {
    let dir = tempfile::tempdir().unwrap();
    lay_out(dir.path(), &GOLDEN_V2.0);
    let (ledger, recovery) = Ledger::open(dir.path(), options()).unwrap();
    assert_eq!((recovery.ledger, recovery.last_seq, recovery.faults), (ID, 6, vec![]));
    assert_eq!(exported(dir.path()), GOLDEN_V2.1);
    drop(ledger);
    let report = verify(dir.path(), |_| {}).unwrap();
    assert!(report.is_sound() && report.root.is_some(), "{report:?}");
}

/// A group of one and one of three; then one that needs a new segment.
#[test]
fn version_2_is_written_to_the_byte() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let long = Bytes::from(format!(r#"{{"filling":"{}"}}"#, "x".repeat(11 << 10)));
    let bodies = [&br#"{"at":"gate-1"}"#[..], br"{}", r#"{"名":"门"}"#.as_bytes(), &long, br#"{"at":"gate-2"}"#, b"{}"];
    let record = |seq: usize, place, out: &mut Vec<u8>, chain: &mut Hash, tree: &mut Frontier| {
        let (body, salt) = (Bytes::copy_from_slice(bodies[seq - 1]), (seq as u128).to_le_bytes());
        let leaf = leaf(&salt, &body);
        *chain = link(chain, &leaf);
        tree.push(leaf);
        format::encode_record(&Record { seq: seq as u64, salt, chain: *chain, body }, place, out);
    };
    let (mut chain, mut tree) = (chain_start(ID), Frontier::default());
    for (first, groups) in [(1, &[(1, 2), (2, 5)][..]), (5, &[(5, 7)])] {
        let mut bytes = vec![0; HEADER_LEN];
        header::encode_header(ID, first, &chain, &tree, &mut bytes);
        for &(start, end) in groups {
            for seq in start..end {
                let place = format::Place::of(seq - start, end - start);
                record(seq, place, &mut bytes, &mut chain, &mut tree);
            }
        }
        bytes.resize(16 << 10, 0);
        fs::write(dir.join(layout::segment_name(first)), bytes).unwrap();
    }
    if std::env::var_os("SCHOOLGATE_WRITE_GOLDEN").is_some() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ledger/golden/v2");
        for (name, _) in GOLDEN_V2.0 {
            fs::copy(dir.join(name), golden.join(name)).unwrap();
        }
        fs::write(golden.join("entries.ndjson"), exported(dir)).unwrap();
        return;
    }
    for (name, golden) in GOLDEN_V2.0 {
        assert!(fs::read(dir.join(name)).unwrap() == golden, "the bytes of version 2 have changed: {name}");
    }
}

/// The writer itself, where its groups can be foretold: one entry at a time.
#[test]
fn the_writer_writes_version_2_to_the_byte() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(dir.path(), options()).unwrap();
    ledger.append(1, Bytes::from_static(br#"{"at":"gate-1"}"#)).unwrap();
    ledger.close().unwrap();
    let written = fs::read(dir.path().join("00000000000000000001.seg")).unwrap();
    let end = HEADER_LEN + record_len(15);
    assert!(written[..end] == GOLDEN_V2.0[0].1[..end] && written[end..].iter().all(|&byte| byte == 0));
}

#[test]
fn a_ledger_on_disk_is_verified_and_exported_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("data/ledger");
    let (ledger, recovery) = Ledger::open(&dir, options()).unwrap();
    assert!(recovery.created);
    write(&ledger, 1..=150);
    let mut checked = 0;
    let report = verify(&dir, |_| checked += 1).unwrap();
    assert!(report.is_sound());
    assert_eq!((report.records, report.last_seq, checked), (150, 150, 150));
    let mut lines = Vec::new();
    let exported = export_ndjson(&dir, 40..=42, &mut lines, |_| {}).unwrap();
    assert_eq!((exported.records, exported.first_seq, exported.last_seq), (3, 40, 42));
    let lines = String::from_utf8(lines).unwrap();
    let entry: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&entry["seq"], &entry["entry"]["n"]), (&40.into(), &40.into()));
    assert!(matches!(Ledger::open(&dir, options()), Err(OpenError::InUse)));
    ledger.close().unwrap();
    let (ledger, recovery) = Ledger::open(&dir, options()).unwrap();
    assert_eq!(recovery.last_seq, 150);
    assert_whole(&ledger, 150);
}

/// A folder whose newest segment gets its own name, and the next spare is made, when somebody opens the spare for the
/// `renames_at`th time.
struct Renaming {
    disk: SimDisk,
    renames_at: AtomicU64,
    newest: String,
}

impl Medium for Renaming {
    fn lock(&self) -> io::Result<Box<dyn Send + Sync>> {
        self.disk.lock()
    }
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }
    fn create(&self, name: &str) -> io::Result<Arc<dyn MediumFile>> {
        self.disk.create(name)
    }
    fn open(&self, name: &str, writable: bool) -> io::Result<Arc<dyn MediumFile>> {
        if name == layout::SPARE_NAME && self.renames_at.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.disk.rename(name, &self.newest)?;
            self.disk.create(name)?.allocate(16 << 10)?;
        }
        self.disk.open(name, writable)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.remove(name)
    }
    fn sync_dir(&self) -> io::Result<()> {
        self.disk.sync_dir()
    }
}

#[test]
fn a_reader_of_the_folder_misses_no_segment_that_gets_its_name_meanwhile() {
    for renames_at in 1..=2 {
        let disk = disk_with(100, 1);
        let newest = disk.names().into_iter().rfind(|name| name.ends_with(".seg")).unwrap();
        disk.rename(&newest, layout::SPARE_NAME).unwrap();
        let medium = Arc::new(Renaming { disk, renames_at: renames_at.into(), newest });
        let report = verify::verify_on(medium.clone(), |_| {}).unwrap();
        assert_eq!((report.records, report.last_seq, report.is_sound()), (100, 100, true), "{}", medium.newest);
    }
}

#[test]
fn verifying_a_folder_without_a_ledger_finds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let report = verify(dir.path(), |_| {}).unwrap();
    assert_eq!((report.records, report.ledger, report.is_sound()), (0, None, true));
}

/// On the real disk, at each step that a power cut can leave behind.
#[test]
fn retention_works_on_files_and_its_unfinished_ones_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let (dir, archive) = (dir.path().join("ledger"), dir.path().join("archive"));
    let (ledger, _) = Ledger::open(&dir, options()).unwrap();
    write(&ledger, 1..=300);
    let (keep, root) = (Keep { from: u64::MAX, entries: 100 }, ledger.tree());
    let first = ledger.sealed().unwrap().into_iter().nth(1).unwrap().first_seq;
    assert!(ledger.redact(first, keep, |record| record.seq % 2 == 0).unwrap() > 0);
    let fate = Fate::archive_in(&archive).unwrap();
    let mut left = 0..1;
    assert_eq!(ledger.retire(keep, &fate, |_| left.next().is_some()).unwrap().first_seq, first);
    assert!(archive.join("00000000000000000001.seg.gz").is_file());
    drop(ledger);
    // Given what cuts leave: a copy half written, an archive half written,
    let name = layout::segment_name(first);
    fs::write(dir.join(format!("{name}.new")), b"half").unwrap();
    fs::write(archive.join(format!("{name}.gz.new")), b"half").unwrap();
    let (ledger, recovery) = Ledger::open(&dir, options()).unwrap();
    assert_eq!((ledger.tree(), recovery.first_seq, recovery.faults), (root, first, vec![]));
    assert!(!dir.join(format!("{name}.new")).exists());
    // and a whole archive whose segment is there still,
    fs::write(archive.join(format!("{name}.gz")), b"older").unwrap();
    let mut left = 0..1;
    ledger.retire(keep, &fate, |_| left.next().is_some()).unwrap();
    let mut segment = Vec::new();
    let file = fs::File::open(archive.join(format!("{name}.gz"))).unwrap();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(file), &mut segment).unwrap();
    assert_eq!((&segment[..8], segment.len() % HEADER_LEN), (&b"SGLEDGER"[..], 0));
    drop(ledger);
    let report = verify(&dir, |_| {}).unwrap();
    assert!(report.is_sound() && report.anchored);
    assert_eq!(report.root, Some(root.1));
    let tree = open_tree(&dir).unwrap();
    assert_eq!((tree.size(), tree.root(300).unwrap()), root);
}
