//! A ledger of most of a year, retention, and what is left of it: to start from, to prove by, to read again.

use std::{
    fs,
    io::Read,
    path::Path,
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use flate2::read::GzDecoder;
use schoolgate::{
    config::Retention,
    evidence::{Checkpointer, Pace, SigningKey},
    ledger::{Fate, Ledger, LedgerId, Options},
    retention::{Pruned, Rules, prune},
};
use schoolgate_core::{
    credential::CredentialId,
    entry::{ENTRY_VERSION, Entry, Reason, Tap, What},
    proof::Proof,
    school::Input,
    state::State,
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
};
use schoolgate_sim::ledger_check::verify_stopped;
use schoolgate_tests::{Output, Plan, Rig, schoolgate};

const LEDGER: LedgerId = LedgerId([6; 16]);
const DAY_MS: i64 = 86_400_000;
/// Days that the ledger goes back before the test.
const DAYS: i64 = 300;
/// Taps a day at the gate: some more than its latest 1,000 are older than half a year.
const TAPS_A_DAY: u64 = 20;
/// Each way of a gateway to its end is signed so often.
const DAYS_APART: i64 = 7;

fn on_day(today: Wall, day: i64) -> Stamp {
    let mono = u64::try_from((day + DAYS) * DAY_MS).unwrap();
    Stamp { wall: today.shifted(day * DAY_MS), clock: ClockQuality::Synchronised, boot: BootId(1), mono: Mono(mono) }
}

/// Writes as the gateway does, one entry after the other.
struct Writer {
    ledger: Ledger,
    state: State,
}

impl Writer {
    fn write(&mut self, at: Stamp, what: What) {
        let entry = Entry { v: ENTRY_VERSION, seq: self.state.last().next(), at, what };
        self.ledger.append(entry.seq.0, Bytes::from(entry.encode().unwrap())).unwrap();
        self.state.apply(&entry).unwrap();
    }

    async fn settle(&self) {
        let last = self.state.last().0;
        self.ledger.durable().wait_for(|durable| durable.through >= last).await.unwrap();
    }

    /// Signs all that is there.
    async fn sign(&mut self, at: Stamp, checkpointer: &mut Checkpointer) {
        self.settle().await;
        let due = checkpointer.last(self.ledger.tree(), &self.state).expect("there is news");
        let Input::Checkpoint { size, root, key, signature } = due else { panic!("{due:?}") };
        self.write(at, What::Checkpoint { size, root, key, signature });
    }
}

fn open(rig: &Rig) -> Ledger {
    let options = Options {
        segment_bytes: 32 << 10,
        ..Options::new(LEDGER, Box::new(|| getrandom::u64().unwrap().to_le_bytes().repeat(2).try_into().unwrap()))
    };
    Ledger::open(&rig.scene.ledger(), options).unwrap().0
}

/// The ledger as a gateway would have left it that worked until yesterday.
async fn work_for_months(rig: &Rig, today: Wall) {
    let key = SigningKey::open_or_create(&rig.scene.data(), |seed| getrandom::fill(seed).is_ok()).unwrap();
    let mut checkpointer = Checkpointer::new(LEDGER, key, Pace::default());
    let mut writer = Writer { ledger: open(rig), state: State::default() };
    let reader = &rig.scene.campus.readers[0];
    for day in -DAYS..0 {
        let at = on_day(today, day);
        writer.write(at, What::Started { version: "0.1.0".into() });
        for n in 0..TAPS_A_DAY {
            let credential = CredentialId(u128::from(n).to_le_bytes());
            let tap = Tap { place: reader.place.clone(), reader: reader.id.clone(), credential, proof: Proof::Number };
            writer.write(at, What::Refused { holder: None, tap, reason: Reason::Unknown });
        }
        if day % DAYS_APART == 0 {
            writer.sign(at, &mut checkpointer).await;
        }
    }
    writer.settle().await;
    writer.ledger.close().unwrap();
}

async fn ledger(data: &Path, arguments: &[&str]) -> Output {
    let data = data.to_string_lossy();
    let mut all = vec!["--lang", "en", "ledger"];
    all.extend(arguments);
    all.extend(["--data-dir", &data]);
    schoolgate(all).await
}

/// Unpacks the archive into the folder of another ledger, as the guide says.
fn unpack(archive: &Path, data: &Path) -> usize {
    let target = data.join("ledger");
    fs::create_dir_all(&target).unwrap();
    let packed: Vec<_> = fs::read_dir(archive).unwrap().flatten().map(|file| file.path()).collect();
    for file in &packed {
        let mut bytes = Vec::new();
        GzDecoder::new(fs::File::open(file).unwrap()).read_to_end(&mut bytes).unwrap();
        fs::write(target.join(file.file_stem().unwrap()), bytes).unwrap();
    }
    packed.len()
}

#[tokio::test]
async fn what_retention_leaves_is_started_from_and_proven_and_the_archive_can_be_read_again() {
    let rig = Rig::set(Plan { clock: None, ..Plan::default() }).await;
    let (data, archive) = (rig.scene.data(), rig.scene.folder().join("archive"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let today = Wall::new(i64::try_from(now.as_millis()).unwrap(), 480);
    work_for_months(&rig, today).await;

    // Given a platform that has all of it, and its signed checkpoints,
    let gateway = rig.start().await;
    rig.tap_until_green(0, rig.students().next().unwrap()).await;
    let so_far = rig.ledger().len() as u64;
    rig.find_stored("all of it", |entry| entry.seq.0 >= so_far).await;
    gateway.stop().await.unwrap();
    let before = rig.ledger();
    let seen = rig.platform.checkpoint(rig.scene.campus.gateway.as_str()).expect("the platform saw a checkpoint");

    // when the machine's own entries of more than half a year ago go, and movements of more than 250 days,
    let (ledger_open, fate) = (open(&rig), Fate::archive_in(&archive).unwrap());
    let days = Retention { movements_days: 250, attendance_days: 200, machine_days: 180, archive_dir: None };
    let rules = Rules { days, entrances: vec![rig.scene.campus.readers[0].place.clone()] };
    let pruned = prune(&ledger_open.pruner(), before.len() as u64, &rules, &fate, &on_day(today, 0)).unwrap();
    ledger_open.close().unwrap();
    let Pruned { segments, bodies, first_seq, .. } = pruned;
    assert!(segments > 0 && bodies > 50 && first_seq > 1, "{pruned:?}");

    // then the gateway starts from what is left, and the platform takes what follows,
    let gateway = rig.start().await;
    rig.tap_until_green(0, rig.students().nth(1).unwrap()).await;
    rig.find_stored("what is new", |entry| entry.seq.0 as usize > before.len() + 1).await;
    gateway.stop().await.unwrap();
    let gateway_id = rig.scene.campus.gateway.as_str();
    assert_eq!(rig.platform.counts(gateway_id).refused, 0);
    assert!(rig.platform.checkpoint(gateway_id).unwrap().size >= seen.size);
    let report = verify_stopped(&rig.scene.ledger()).unwrap();
    assert_eq!((report.anchored, report.first_seq, report.removed), (true, first_seq, bodies as u64));

    // what it was is told to whoever checks it, and what is left can be proven,
    let verified = ledger(&data, &["verify"]).await;
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    assert!(verified.out.contains(&format!("entries before {first_seq} were taken out")), "{}", verified.out);
    assert!(verified.out.contains(&format!("{bodies} entries have no content any more")), "{}", verified.out);
    let is_left = |entry: &&Entry| entry.seq.0 > before.len() as u64 / 2 && matches!(entry.what, What::Refused { .. });
    let left = before.iter().find(is_left).unwrap();
    let (proof, number) = (rig.scene.folder().join("a.proof"), left.seq.0.to_string());
    let written = ledger(&data, &["proof", &number, "--output", &proof.to_string_lossy()]).await;
    assert_eq!(written.code, Some(0), "{}", written.err);
    let key = schoolgate(["key", "show", "--data-dir", &data.to_string_lossy()]).await;
    let checked = ["--lang", "en", "ledger", "check-proof", &proof.to_string_lossy(), "--public-key", key.out.trim()];
    assert_eq!(schoolgate(checked).await.code, Some(0));

    // and the archive is a ledger of its own, to be checked and read.
    let old = rig.scene.folder().join("old");
    assert_eq!(unpack(&archive, &old), segments);
    let verified = ledger(&old, &["verify", "--public-key", key.out.trim()]).await;
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    let first = ledger(&old, &["show", "--seq", "1"]).await;
    assert!(first.out.contains("started"), "{}", first.out);
    let last = first_seq - 1;
    assert!(verified.out.starts_with(&format!("{last} entries (1 to {last})")), "{}", verified.out);

    // Both together are the whole ledger again.
    for file in fs::read_dir(rig.scene.ledger()).unwrap().flatten() {
        fs::copy(file.path(), old.join("ledger").join(file.file_name())).unwrap();
    }
    let verified = ledger(&old, &["verify", "--public-key", key.out.trim()]).await;
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    assert!(verified.out.contains("entries (1 to "), "{}", verified.out);
}
