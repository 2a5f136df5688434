//! Entries that the express lane writes: the same bytes, and as safe, as those that the thread writes.

use std::{
    fs,
    os::fd::AsRawFd,
    ptr,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use rustix::{
    fs::{Advice, fadvise},
    io::Errno,
};
use tokio::io::unix::AsyncFd;

use super::*;
use crate::ledger::{
    medium::MediumFile,
    ring::{Append, Ended, Ring},
};
use std::os::fd::OwnedFd;

/// What the test sees of a ring, and tells it.
#[derive(Default)]
pub(super) struct Knobs {
    appends: AtomicU64,
    /// Nothing that was begun ends until it is waited for.
    holds: AtomicBool,
    /// The next append ends with this error of the system; 0 for none.
    refuses: AtomicU64,
    /// The next look at an append loses it and panics.
    panics: AtomicBool,
}

/// A ring that writes to the simulated disk once it is asked whether it has.
#[derive(Default)]
pub(super) struct SimRing {
    knobs: Arc<Knobs>,
    under_way: Option<Append>,
}

impl Ring for SimRing {
    fn takes(&self, _: &dyn MediumFile) -> bool {
        true
    }

    fn begin(&mut self, append: Append) -> Result<(), (Append, io::Error)> {
        assert!(self.under_way.is_none(), "one at a time");
        assert_eq!((append.blocks.at() % 4096, append.blocks.bytes().len() % 4096), (0, 0), "whole blocks");
        assert_eq!(append.blocks.bytes().as_ptr().align_offset(4096), 0, "memory where a block may begin");
        self.knobs.appends.fetch_add(1, Ordering::SeqCst);
        self.under_way = Some(append);
        Ok(())
    }

    fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    fn poll(&mut self) -> Option<Ended> {
        if self.is_busy() && self.knobs.panics.load(Ordering::SeqCst) {
            self.under_way = None;
            panic!("as the test wants, with an append lost");
        }
        if self.knobs.holds.load(Ordering::SeqCst) { None } else { self.wait() }
    }

    fn wait(&mut self) -> Option<Ended> {
        let append = self.under_way.take()?;
        let refusal = i32::try_from(self.knobs.refuses.swap(0, Ordering::SeqCst)).unwrap();
        let written = if refusal > 0 {
            Err(io::Error::from_raw_os_error(refusal))
        } else {
            let written = append.file.append_blocks(append.blocks.bytes(), append.blocks.at());
            written.and_then(|()| append.file.sync_data())
        };
        Some((append, written))
    }

    fn readiness(&self) -> io::Result<Option<AsyncFd<OwnedFd>>> {
        Ok(None)
    }
}

/// Has the lane work on a thread of its own until the ledger is closed.
pub(super) fn drive(ledger: &Ledger, ring: Box<dyn Ring>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let express = {
        let _entered = runtime.enter();
        ledger.express_by(ring).unwrap()
    };
    std::thread::spawn(move || runtime.block_on(express));
}

fn open_with_express(disk: &SimDisk) -> (Ledger, Arc<Knobs>) {
    with_express(open(disk).0)
}

/// With segments so long that zeros, which the thread writes, are ahead of all that a test appends.
fn open_long_with_express(disk: &SimDisk) -> (Ledger, Arc<Knobs>) {
    with_express(Ledger::open_on(Arc::new(disk.clone()), Options { segment_bytes: 1 << 20, ..options() }).unwrap().0)
}

fn with_express(ledger: Ledger) -> (Ledger, Arc<Knobs>) {
    let ring = SimRing::default();
    let knobs = Arc::clone(&ring.knobs);
    drive(&ledger, Box::new(ring));
    (ledger, knobs)
}

/// Each once the one before is durable and the thread, if it had that one, has nothing more to do.
fn one_by_one(ledger: &Ledger, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        write(ledger, seq..=seq);
        until_the_lane_has_it(ledger);
    }
}

fn until_the_lane_has_it(ledger: &Ledger) {
    let is_open = || lock(&ledger.express).as_ref().is_some_and(|express| express.is_open());
    while is_open() && !ledger.queue.is_by_express() {
        std::thread::yield_now();
    }
}

#[test]
fn single_entries_take_the_lane_and_many_the_thread() {
    let disk = SimDisk::default();
    let (ledger, knobs) = open_long_with_express(&disk);
    one_by_one(&ledger, 1..=20);
    // The first begins a segment, the second is behind what the lane does not know.
    let appends = knobs.appends.load(Ordering::SeqCst);
    assert_eq!(appends, 18);
    // Given more at once than the lane takes,
    let mut many = (21..=40).map(|seq| (seq, body(seq))).collect();
    ledger.append_all(&mut many).unwrap();
    wait_for(&ledger, |durable| durable.through == 40);
    assert_eq!(knobs.appends.load(Ordering::SeqCst), appends);
    until_the_lane_has_it(&ledger);
    // it takes over again once the thread has done with them.
    one_by_one(&ledger, 41..=44);
    assert_eq!(knobs.appends.load(Ordering::SeqCst), appends + 4);
    assert_whole(&ledger, 44);
}

#[test]
fn the_lane_writes_what_the_thread_writes_to_the_byte() {
    let disks = [SimDisk::default(), SimDisk::default()];
    let (by_express, knobs) = open_with_express(&disks[0]);
    let (by_thread, _) = open(&disks[1]);
    for ledger in [&by_express, &by_thread] {
        one_by_one(ledger, 1..=300);
    }
    assert!(knobs.appends.load(Ordering::SeqCst) > 150, "most of them took the lane");
    drop((by_express, by_thread));
    let [one, other] = disks.each_ref().map(|disk| {
        let segments = disk.names().into_iter().filter(|name| name.ends_with(".seg"));
        segments.map(|name| (disk.content(&name), name)).collect::<Vec<_>>()
    });
    assert!(one == other && one.len() > 3);
    let (ledger, recovery) = open(&disks[0]);
    assert_eq!((recovery.last_seq, recovery.faults, recovery.torn), (300, vec![], None));
    assert_whole(&ledger, 300);
}

#[test]
fn what_the_lane_could_not_sync_is_written_again_elsewhere() {
    for times in 1..6 {
        let disk = SimDisk::default();
        let (ledger, knobs) = open_with_express(&disk);
        one_by_one(&ledger, 1..=10);
        let before = knobs.appends.load(Ordering::SeqCst);
        disk.fail_syncs(Errno::IO, times);
        one_by_one(&ledger, 11..=30);
        assert!(knobs.appends.load(Ordering::SeqCst) > before + 10, "the lane goes on in the new segment");
        drop(ledger);
        let disk = disk.after_power_cut(&mut crate::ledger::simdisk::Rng(times));
        let (ledger, recovery) = open(&disk);
        assert!(recovery.segments > 1, "{recovery:?}");
        assert_eq!((recovery.last_seq, recovery.faults), (30, vec![]));
        assert_whole(&ledger, 30);
    }
}

#[test]
fn what_a_full_disk_holds_back_is_written_once_it_can() {
    for errno in [Errno::NOSPC, Errno::IO, Errno::ROFS] {
        let disk = SimDisk::default();
        let (ledger, _) = open_with_express(&disk);
        one_by_one(&ledger, 1..=10);
        disk.fail_writes(Some(errno));
        append(&ledger, 11..=40);
        let durable = wait_for(&ledger, |durable| durable.stalled.is_some());
        assert_eq!((durable.through, durable.stalled.as_deref()), (10, Some(&*errno.to_string())));
        disk.fail_writes(None);
        wait_for(&ledger, |durable| durable.through == 40 && durable.stalled.is_none());
        assert_whole(&ledger, 40);
    }
}

#[test]
fn a_system_that_refuses_such_writes_has_them_done_by_the_thread_in_the_same_place() {
    for errno in [Errno::INVAL, Errno::OPNOTSUPP, Errno::AGAIN] {
        let disk = SimDisk::default();
        let (ledger, knobs) = open_long_with_express(&disk);
        one_by_one(&ledger, 1..=10);
        let before = knobs.appends.load(Ordering::SeqCst);
        knobs.refuses.store(errno.raw_os_error().unsigned_abs().into(), Ordering::SeqCst);
        one_by_one(&ledger, 11..=20);
        assert_eq!(knobs.appends.load(Ordering::SeqCst), before + 1, "the lane is closed");
        assert_whole(&ledger, 20);
        ledger.close().unwrap();
        assert_eq!(open(&disk).1.segments, 1);
    }
}

#[test]
fn closing_waits_for_what_is_under_way() {
    let disk = SimDisk::default();
    let (ledger, knobs) = open_long_with_express(&disk);
    one_by_one(&ledger, 1..=10);
    knobs.holds.store(true, Ordering::SeqCst);
    let before = knobs.appends.load(Ordering::SeqCst);
    append(&ledger, 11..=11);
    while knobs.appends.load(Ordering::SeqCst) == before {
        std::thread::yield_now();
    }
    append(&ledger, 12..=13);
    assert_eq!(ledger.durable().borrow().through, 10);
    ledger.close().unwrap();
    assert_whole(&open(&disk).0, 13);
}

#[test]
fn a_lane_that_nobody_drives_any_more_loses_nothing() {
    let disk = SimDisk::default();
    let (ledger, _) = open(&disk);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let express = ledger.express_by(Box::<SimRing>::default()).unwrap();
    let driven = runtime.spawn(express);
    runtime.block_on(async {
        for seq in 1..=5 {
            ledger.append(seq, body(seq)).unwrap();
            ledger.durable().wait_for(|durable| durable.through == seq).await.unwrap();
        }
    });
    // Given a runtime that has ended with an entry not looked at yet,
    append(&ledger, 6..=6);
    drop(runtime);
    drop(driven);
    append(&ledger, 7..=8);
    wait_for(&ledger, |durable| durable.through == 8);
    ledger.close().unwrap();
    assert_whole(&open(&disk).0, 8);
}

/// A gap would be worse than an end: the process starts anew, with all that was acknowledged.
#[test]
fn after_a_panic_of_the_lane_nothing_more_is_taken_or_written() {
    let disk = SimDisk::default();
    let (ledger, knobs) = open_long_with_express(&disk);
    one_by_one(&ledger, 1..=10);
    knobs.panics.store(true, Ordering::SeqCst);
    append(&ledger, 11..=11);
    let mut last = 11;
    while ledger.append(last + 1, body(last + 1)) != Err(AppendError::Closed) {
        last += 1;
        std::thread::sleep(Duration::from_millis(1));
        assert!(last < 10_000, "entries are taken that nobody writes");
    }
    assert_eq!(ledger.durable().borrow().through, 10);
    drop(ledger);
    let (ledger, recovery) = open(&disk);
    assert_eq!((recovery.last_seq, recovery.faults), (10, vec![]));
    assert_whole(&ledger, 10);
}

/// The system's own ring, on the real disk.
#[test]
fn the_systems_ring_writes_to_real_files() {
    let ring = match ring::system_ring() {
        Ok(ring) => ring,
        Err(cause) => return println!("SKIPPED: no io_uring here: {cause}"),
    };
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(dir.path(), Options { segment_bytes: 64 << 10, ..options() }).unwrap();
    drive(&ledger, ring);
    one_by_one(&ledger, 1..=400);
    let mut groups = 401..=1_200;
    while let Some(first) = groups.next() {
        let last = groups.nth(usize::try_from(first % 7).unwrap()).unwrap_or(1_200);
        write(&ledger, first..=last);
    }
    // A file system without such writes closes the lane at the first.
    assert!(lock(&ledger.express).as_ref().unwrap().is_open(), "a temporary folder (TMPDIR) that takes O_DIRECT");
    assert_whole(&ledger, 1_200);
    drop(ledger);
    let (ledger, recovery) = Ledger::open(dir.path(), options()).unwrap();
    assert_eq!((recovery.last_seq, recovery.faults, recovery.torn), (1_200, vec![], None));
    assert_whole(&ledger, 1_200);
    assert!(verify(dir.path(), |_| {}).unwrap().is_sound());
}

/// What the system's page cache has of a place must be thrown away before anything is written there past it: for that, the ring
/// leaves a write to a thread of the system, which takes a processor and time.
#[test]
fn where_the_lane_writes_next_the_page_cache_has_nothing() {
    let Ok(ring) = ring::system_ring() else { return println!("SKIPPED: no io_uring here") };
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("trial"), [1; 4096]).unwrap();
    let trial = fs::File::open(dir.path().join("trial")).unwrap();
    trial.sync_data().unwrap();
    fadvise(&trial, 0, None, Advice::DontNeed).unwrap();
    if cached_through(&trial) > 0 {
        return println!("SKIPPED: a temporary folder (TMPDIR) that is nowhere but in memory");
    }
    let options = || Options { segment_bytes: 256 << 10, ..options() };
    let segment = dir.path().join(layout::segment_name(1));
    let (mut end, mut seqs) = (HEADER_LEN, 1..=500);
    for ring in [ring, ring::system_ring().unwrap()] {
        let (ledger, _) = Ledger::open(dir.path(), options()).unwrap();
        drive(&ledger, ring);
        for seq in seqs.by_ref().take(250) {
            one_by_one(&ledger, seq..=seq);
            end += record_len(body(seq).len());
            // Else the thread that prepares segments has not given it its name yet.
            let Ok(file) = fs::File::open(&segment) else { continue };
            let cached = cached_through(&file);
            assert!(cached <= end, "entry {seq} ends at {end}, the cache has pages through {cached}");
        }
    }
    assert!(seqs.next().is_none() && segment.exists());
}

/// Where the last page ends that the page cache has of a file; 0 if it has none.
#[allow(unsafe_code, reason = "mincore(2) asks about memory")]
fn cached_through(file: &fs::File) -> usize {
    let len = usize::try_from(file.metadata().unwrap().len()).unwrap();
    // SAFETY: the memory is as long as the file and nobody looks at it; `is_there` has a byte for each of its pages.
    unsafe {
        let page_len = usize::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap();
        let mut is_there = vec![0_u8; len.div_ceil(page_len)];
        let memory = libc::mmap(ptr::null_mut(), len, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd(), 0);
        assert_ne!(memory, libc::MAP_FAILED);
        assert_eq!(libc::mincore(memory, len, is_there.as_mut_ptr()), 0);
        libc::munmap(memory, len);
        is_there.iter().rposition(|is_there| is_there & 1 == 1).map_or(0, |page| (page + 1) * page_len)
    }
}
