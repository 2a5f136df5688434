//! A disk that is full, read-only or failing: gates go on with amber lamps, staff are told, and nothing is lost.

use std::{collections::BTreeMap, fs, io::Write, path::Path, process::Command};

use rustix::io::Errno;
use schoolgate::ledger::{Ledger, LedgerId, Options};
use schoolgate_core::{
    alarm::Alarm,
    entry::{Entry, What},
    id::StudentId,
};
use schoolgate_sim::{
    campus::Campus,
    gateway_process::GatewayProcess,
    ledger_check::verify_stopped,
    school::{School, Student},
    virtual_lines::LineWatch,
};
use schoolgate_tests::{Plan, Rig, soon};

/// Readers, each at a gate of its own.
const LANES: usize = 6;
/// What the disk of the mounted tests holds, in bytes.
const DISK_BYTES: u64 = 32 << 20;
/// Small, so that a segment is used up within a test.
const SEGMENT_BYTES: u64 = 16 << 10;

fn plan() -> Plan {
    Plan {
        school: School::generate(3, 900),
        campus: Campus::of_gates(LANES),
        clock: None,
        show_ms: Some(200),
        ..Plan::default()
    }
}

/// Children who come to the gates one after the other.
struct Queue<'a> {
    rig: &'a Rig,
    lamps: LineWatch,
    coming: Vec<&'a Student>,
    came: Vec<StudentId>,
}

impl<'a> Queue<'a> {
    fn at(rig: &'a Rig) -> Self {
        Self { rig, lamps: rig.watch(), coming: rig.students().collect(), came: Vec::new() }
    }

    /// The next child's card is read and the gate opens; the lamp that comes on then, green or amber.
    async fn next_lamp(&mut self) -> &'static str {
        let lane = self.came.len() % LANES;
        let place = self.rig.scene.campus.readers[lane].place.clone();
        let [green, amber] = ["green", "amber"].map(|lamp| format!("{place}.{lamp}"));
        for lamp in [&green, &amber] {
            if self.rig.scene.lines.level(lamp) == Some(true) {
                soon("dark", self.lamps.wait_for(lamp, false)).await;
            }
        }
        let child = self.coming.pop().expect("enough children");
        self.rig.scene.readers[lane].tap(child.card).unwrap();
        self.came.push(child.id.clone());
        let lamp = soon("a lamp", async {
            loop {
                let change = self.lamps.next().await;
                match &*change.line {
                    line if change.high && *line == *green => return "green",
                    line if change.high && *line == *amber => return "amber",
                    _ => {}
                }
            }
        });
        let lamp = lamp.await;
        assert_eq!(self.rig.scene.lines.level(&format!("{place}.release")), Some(true), "the gate is open");
        lamp
    }

    /// More come until this lamp is seen. Bounded by the number of children.
    async fn until(&mut self, lamp: &str) {
        while self.next_lamp().await != lamp {}
    }

    /// Every one of them is in the ledger once.
    fn hold(&self, entries: &[Entry]) {
        let mut arrivals = BTreeMap::new();
        for entry in entries {
            if let What::Arrived { student, .. } = &entry.what {
                *arrivals.entry(student.clone()).or_insert(0) += 1;
            }
        }
        assert!(arrivals.values().all(|count| *count == 1), "somebody arrived twice");
        let lost: Vec<_> = self.came.iter().filter(|student| !arrivals.contains_key(*student)).collect();
        assert!(lost.is_empty(), "{} of {} are not in the ledger: {:?}", lost.len(), self.came.len(), lost.first());
    }
}

fn slow(entries: &[Entry]) -> (usize, usize) {
    let count = |is_it: fn(&What) -> bool| entries.iter().filter(|entry| is_it(&entry.what)).count();
    (
        count(|what| matches!(what, What::AlarmRaised { alarm: Alarm::LedgerSlow {}, .. })),
        count(|what| matches!(what, What::AlarmEnded { alarm: Alarm::LedgerSlow {}, .. })),
    )
}

/// Builds what makes the disk fail on order; none, and a word about it, where there is no C compiler.
fn faulty_disk(folder: &Path) -> Option<std::path::PathBuf> {
    let (source, built) = (folder.join("faulty_disk.c"), folder.join("faulty_disk.so"));
    fs::write(&source, include_str!("disk/faulty_disk.c")).unwrap();
    let built_by =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&built).arg(&source).arg("-ldl").status();
    match built_by {
        Ok(status) if status.success() => Some(built),
        why => {
            println!("SKIPPED: no C compiler makes a failing disk here: {why:?}");
            None
        }
    }
}

#[tokio::test]
async fn on_a_disk_that_begins_to_fail_gates_go_on_with_amber_and_nothing_is_lost() {
    let rig = Rig::set(plan()).await;
    let Some(faulty) = faulty_disk(rig.scene.folder()) else { return };
    let order = rig.scene.folder().join("order");
    let environment = [
        ("LD_PRELOAD", faulty.as_os_str()),
        ("FAULTY_FOLDER", &*rig.scene.data().into_os_string()),
        ("FAULTY_ORDER", order.as_os_str()),
    ];
    let mut listener = rig.listen(&["staff/+/alert", "gateway/+/health"]).await;
    let mut gateway = GatewayProcess::start_with(&rig.scene.config(), &rig.scene.log(), &environment).unwrap();
    gateway.wait_until_open(&rig.devices()).await.unwrap();
    let mut queue = Queue::at(&rig);
    queue.until("green").await;

    let faults = [(Errno::NOSPC, "all"), (Errno::ROFS, "all"), (Errno::IO, "all"), (Errno::IO, "sync")];
    for (errno, what) in faults {
        // When the disk takes nothing, people pass with amber.
        fs::write(&order, format!("{} {what}", errno.raw_os_error())).unwrap();
        queue.until("amber").await;
        for _ in 0..2 * LANES {
            assert_eq!(queue.next_lamp().await, "amber", "{errno:?} {what}");
        }
        if errno == Errno::NOSPC {
            // What can't be written can't be told as an entry; how the box is can.
            let topic = rig.topic(&format!("gateway/{}/health", rig.scene.campus.gateway));
            let waits = |health: &serde_json::Value| health["backlog"]["disk"].as_u64() > Some(0);
            listener.find_on(&topic, "entries wait for the disk", waits).await;
        }
        // When it is well again, everything is, by itself.
        fs::remove_file(&order).unwrap();
        queue.until("green").await;
        gateway.check().unwrap_or_else(|error| panic!("{error}"));
    }
    let it = rig.topic("staff/it_admin/alert");
    let alert = listener.find_on(&it, "the alarm", |alert| alert["on"] == true).await;
    listener.find_on(&it, "its end", |ended| ended["on"] == false && ended["raised"] == alert["raised"]).await;
    gateway.stop().await.unwrap();
    verify_stopped(&rig.scene.ledger()).unwrap();
    let entries = rig.ledger();
    queue.hold(&entries);
    let (raised, ended) = slow(&entries);
    assert!(raised >= faults.len() && raised == ended, "{raised} raised, {ended} ended");
}

/// A small disk of its own under the gateway's data. Dropping it takes it away.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    /// None, and a word about it, where this process may not mount anything.
    fn mount(folder: &Path) -> Option<Self> {
        let size = format!("size={DISK_BYTES}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(folder).output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder.to_owned())),
            why => {
                println!("SKIPPED: no disk can be mounted here: {why:?}");
                None
            }
        }
    }

    fn fill(&self) {
        let mut file = fs::File::create(self.0.join("filling")).unwrap();
        let chunk = vec![1; 4096];
        while file.write_all(&chunk).is_ok() {}
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("filling")).unwrap();
    }

    fn set_read_only(&self, read_only: bool) {
        let options = if read_only { "remount,ro" } else { "remount,rw" };
        let status = Command::new("mount").args(["-o", options]).arg(&self.0).status().unwrap();
        assert!(status.success(), "{options}: {status}");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // An error would leave a mount in a folder for temporary files behind.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A ledger whose segments are used up soon.
fn begin_ledger(folder: &Path) {
    let options = Options { segment_bytes: SEGMENT_BYTES, ..Options::new(LedgerId([4; 16]), Box::new(|| [4; 16])) };
    Ledger::open(folder, options).unwrap().0.close().unwrap();
}

#[tokio::test]
async fn on_a_full_disk_the_gateway_starts_and_goes_on_and_writes_when_there_is_room() {
    let rig = Rig::set(plan()).await;
    let Some(disk) = SmallDisk::mount(&rig.scene.data()) else { return };
    begin_ledger(&rig.scene.ledger());
    disk.fill();

    let gateway = rig.start().await;
    let mut queue = Queue::at(&rig);
    queue.until("amber").await;
    for _ in 0..LANES {
        assert_eq!(queue.next_lamp().await, "amber");
    }
    disk.empty();
    queue.until("green").await;
    gateway.stop().await.unwrap();
    verify_stopped(&rig.scene.ledger()).unwrap();
    queue.hold(&rig.ledger());
}

#[tokio::test]
async fn on_a_disk_that_came_up_read_only_the_gateway_starts_and_writes_when_it_may() {
    let rig = Rig::set(plan()).await;
    let Some(disk) = SmallDisk::mount(&rig.scene.data()) else { return };
    rig.start().await.stop().await.unwrap();
    disk.set_read_only(true);

    let gateway = rig.start().await;
    let mut queue = Queue::at(&rig);
    for _ in 0..2 * LANES {
        assert_eq!(queue.next_lamp().await, "amber");
    }
    disk.set_read_only(false);
    queue.until("green").await;
    gateway.stop().await.unwrap();
    verify_stopped(&rig.scene.ledger()).unwrap();
    let entries = rig.ledger();
    queue.hold(&entries);
    assert_eq!(slow(&entries), (1, 1));
}
