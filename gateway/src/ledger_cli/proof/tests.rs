//! What an office does to show one entry, and what becomes of it when anything was changed.

use std::path::PathBuf;
use std::time::Duration;

use schoolgate_core::{
    entry::{ENTRY_VERSION, Entry, Seq, What},
    school::Input,
    state::State,
    time::Stamp,
};
use tempfile::TempDir;

use super::super::run;
use super::*;
use crate::cli::{LedgerArgs, LedgerCommand};
use crate::evidence::{Checkpointer, Pace};
use crate::ledger::{Ledger, LedgerId, Options};

/// A ledger that is being written, with checkpoints where the test wants them.
struct Writer {
    dir: TempDir,
    ledger: Ledger,
    state: State,
    maker: Checkpointer,
}

impl Writer {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = SigningKey::open_or_create(dir.path(), |seed| {
            *seed = [5; 32];
            true
        });
        let mut count = 0_u64;
        let salts = Box::new(move || {
            count += 1;
            let mut salt = [0xee; 16];
            salt[..8].copy_from_slice(&count.to_le_bytes());
            salt
        });
        let options = Options { segment_bytes: 16 << 10, ..Options::new(LedgerId([7; 16]), salts) };
        let (ledger, _) = Ledger::open(&dir.path().join("ledger"), options).unwrap();
        let maker = Checkpointer::new(LedgerId([7; 16]), key.unwrap(), Pace::default());
        Self { dir, ledger, state: State::default(), maker }
    }

    fn write(&mut self, what: What) {
        let entry = Entry { v: ENTRY_VERSION, seq: self.state.last().next(), at: Stamp::default(), what };
        self.state.apply(&entry).unwrap();
        self.ledger.append(entry.seq.0, entry.encode().unwrap().into()).unwrap();
    }

    fn news(&mut self, count: u64) {
        (0..count).for_each(|n| self.write(What::Started { version: n.to_string() }));
    }

    fn sign(&mut self) {
        let last = self.state.last().0;
        let mut durable = self.ledger.durable();
        let wait = async { durable.wait_for(|durable| durable.through >= last).await.map(|_| ()) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(Duration::from_secs(60), wait).await }).unwrap().unwrap();
        let Some(Input::Checkpoint { size, root, key, signature }) = self.maker.last(self.ledger.tree(), &self.state)
        else {
            panic!("there is news")
        };
        self.write(What::Checkpoint { size, root, key, signature });
    }

    fn close(self) -> TempDir {
        self.ledger.close().unwrap();
        self.dir
    }
}

/// 300 entries in several segments, signed at 100, 201 and 302 of 303.
fn data_dir() -> TempDir {
    let mut written = Writer::new();
    for _ in 0..3 {
        written.news(100);
        written.sign();
    }
    written.close()
}

fn args(dir: &TempDir) -> LedgerArgs {
    LedgerArgs { data_dir: Some(dir.path().to_owned()), config: None }
}

fn answer(command: LedgerCommand) -> (u8, String) {
    let mut out = Vec::new();
    let code = run(&command, Lang::En, &mut out).unwrap();
    (code, String::from_utf8(out).unwrap())
}

fn public(dir: &TempDir) -> String {
    let mut out = Vec::new();
    let command = KeyCommand::Show { ledger: args(dir), pem: false };
    assert_eq!(run_key(&command, Lang::En, &mut out).unwrap(), EXIT_FINE);
    String::from_utf8(out).unwrap().trim().to_owned()
}

fn proof(dir: &TempDir, seq: u64) -> PathBuf {
    let file = dir.path().join(format!("{seq}.proof"));
    let (code, out) = answer(LedgerCommand::Proof { seq, ledger: args(dir), output: Some(file.clone()) });
    assert_eq!(code, EXIT_FINE, "{out}");
    file
}

fn check(file: &Path, public_key: &str) -> (u8, String) {
    answer(LedgerCommand::CheckProof { file: file.to_owned(), public_key: public_key.to_owned() })
}

fn verify(dir: &TempDir, public_key: Option<String>) -> (u8, String) {
    answer(LedgerCommand::Verify { ledger: args(dir), public_key })
}

#[test]
fn any_covered_entry_is_proven_with_the_public_key_alone() {
    let dir = data_dir();
    let key = public(&dir);
    for seq in [1, 100, 101, 102, 202, 302] {
        let file = proof(&dir, seq);
        assert!(fs::read_to_string(&file).unwrap().contains("\"size\": 302"), "by the newest that covers it");
        let (code, out) = check(&file, &key);
        assert_eq!(code, EXIT_FINE, "{out}");
        assert!(out.contains(&format!("number {seq} is this one")), "{out}");
    }
    let Err(error) =
        run(&LedgerCommand::Proof { seq: 303, ledger: args(&dir), output: None }, Lang::En, &mut Vec::new())
    else {
        panic!("the last checkpoint itself is covered by none")
    };
    assert!(error.to_string().contains("no signed checkpoint covers entry 303"), "{error}");
}

#[test]
fn a_changed_file_or_another_key_proves_nothing_and_says_why() {
    let dir = data_dir();
    let (file, key) = (proof(&dir, 7), public(&dir));
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("started", "stopped")).unwrap();
    let (code, out) = check(&file, &key);
    assert_eq!(code, EXIT_FAULTS);
    assert!(out.starts_with("not proven: the entry is not the one that was signed"), "{out}");
    fs::write(&file, text).unwrap();
    let (code, out) = check(&file, &SigningKey::from_seed([6; 32]).unwrap().public().to_string());
    assert_eq!(code, EXIT_FAULTS);
    assert!(out.contains("not with the one given"), "{out}");
}

#[test]
fn verify_counts_the_checkpoints_that_fit() {
    let dir = data_dir();
    for key in [None, Some(public(&dir))] {
        let (code, out) = verify(&dir, key);
        assert_eq!(code, EXIT_FINE, "{out}");
        assert!(out.ends_with("3 of 3 signed checkpoints fit; they cover every entry through 302\n"), "{out}");
    }
    fs::remove_file(dir.path().join(KEY_FILE)).unwrap();
    let (code, out) = verify(&dir, None);
    assert_eq!(code, EXIT_FINE);
    assert!(out.contains("compared with none"), "{out}");
    let (code, out) = verify(&dir, Some(SigningKey::from_seed([6; 32]).unwrap().public().to_string()));
    assert_eq!(code, EXIT_FAULTS);
    assert!(out.contains("checkpoint 101 is signed with another key"), "{out}");
}

/// Whoever rewrites entries makes the chain and the tree fit again; the old signature does not.
#[test]
fn a_rewritten_ledger_does_not_fit_its_old_signatures() {
    let mut first = Writer::new();
    first.news(5);
    first.sign();
    let mut what = None;
    let dir = first.close();
    for record in crate::ledger::open_records(&dir.path().join("ledger"), 6).unwrap() {
        what = Some(Entry::decode(&record.unwrap().body).unwrap().what);
    }
    let mut second = Writer::new();
    second.news(3);
    second.write(What::Stopped {}); // it was "started" when it was signed
    second.news(1);
    second.write(what.unwrap());
    let dir = second.close();
    let (code, out) = verify(&dir, None);
    assert_eq!(code, EXIT_FAULTS, "{out}");
    assert!(out.contains("the root that checkpoint 6 signs is not that of the first 5 entries"), "{out}");
    let proof = evidence::proof_of(&dir.path().join("ledger"), 2);
    assert!(matches!(proof, Err(evidence::ProveError::DoesNotHold { size: 5, .. })), "{proof:?}");
}

#[test]
fn a_false_signature_is_found() {
    let mut written = Writer::new();
    written.news(5);
    let key = written.dir.path().join(KEY_FILE);
    let key = SigningKey::read(&key).unwrap().public().to_string();
    written.write(What::Checkpoint { size: Seq(3), root: "00".repeat(32), key, signature: "11".repeat(64) });
    let (code, out) = verify(&written.close(), None);
    assert_eq!(code, EXIT_FAULTS);
    assert!(out.contains("the signature of checkpoint 6 is false"), "{out}");
}
