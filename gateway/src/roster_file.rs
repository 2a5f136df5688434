//! The roster on disk: the file that the school or the platform leaves, and the last good one that the gateway keeps.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use data_encoding::HEXLOWER;
use rustix::fs::{Mode, OFlags};
use schoolgate_core::{
    roster::{Document, Fault, Roster},
    site::Site,
};
use sha2::{Digest, Sha256};
use tracing::warn;

/// Largest roster, in bytes: room for 250,000 students with two guardians each.
pub const MAX_ROSTER_BYTES: u64 = 512 << 20;
/// Where the last good roster is kept, in the data folder.
pub const KEPT_FILE: &str = "roster.good.json";
/// A new roster must not drop more than one in so many of the students: more is taken for a mistake.
const DROPPED_AT_MOST: usize = 5;
/// So many unknown places are named in the log, at most.
const PLACES_NAMED: usize = 20;

/// A roster and the SHA-256 of its document, in hex.
#[derive(Clone, Debug)]
pub struct LoadedRoster {
    /// Who is who.
    pub roster: Arc<Roster>,
    /// SHA-256 of the document, in hex.
    pub digest: String,
    /// The document itself, as it was checked.
    document: Vec<u8>,
}

/// Why a roster was not taken. The last good one stays in force.
#[derive(Debug, thiserror::Error)]
pub enum RosterError {
    /// The file could not be read.
    #[error("the roster {0} can't be read")]
    Read(PathBuf, #[source] io::Error),
    /// The file is larger than [`MAX_ROSTER_BYTES`].
    #[error("the roster {0} has {1} bytes; at most {MAX_ROSTER_BYTES} would do")]
    TooLarge(PathBuf, u64),
    /// The file is not a roster document.
    ///
    /// Says where and of what kind, not what was found there: that may be a child's name.
    #[error("the roster {path} is not a roster document: {category:?} error at line {line}, column {column}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// The column in it, from 1.
        column: usize,
        /// Of what kind the mistake is.
        category: serde_json::error::Category,
    },
    /// The document has faults: all of them.
    #[error("the roster {0} has {n} faults", n = .1.len())]
    Faults(PathBuf, Vec<Fault>),
    /// The document would drop too many students at once.
    #[error(
        "the roster {path} drops {dropped} of {old} students: more than a fifth is taken for a mistake; if it is right, \
         remove {KEPT_FILE} from the data folder and start the gateway anew"
    )]
    DropsTooMany {
        /// The file.
        path: PathBuf,
        /// Students who are not in it.
        dropped: usize,
        /// Students in the roster in force.
        old: usize,
    },
    /// The last good roster could not be kept.
    #[error("the roster can't be kept as {0}")]
    Keep(PathBuf, #[source] io::Error),
}

/// Reads and checks a roster. `in_force` is the one that it would replace.
pub fn load(path: &Path, in_force: Option<&Roster>) -> Result<LoadedRoster, RosterError> {
    let bytes = read(path)?;
    let roster =
        Roster::try_new(parse(path, &bytes)?).map_err(|faults| RosterError::Faults(path.to_owned(), faults))?;
    if let Some(old) = in_force {
        let dropped = old.student_ids().filter(|id| roster.student(id).is_none()).count();
        let old = old.student_count();
        if dropped > old / DROPPED_AT_MOST {
            return Err(RosterError::DropsTooMany { path: path.to_owned(), dropped, old });
        }
    }
    Ok(LoadedRoster { roster: Arc::new(roster), digest: HEXLOWER.encode(&Sha256::digest(&bytes)), document: bytes })
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Document, RosterError> {
    serde_json::from_slice(bytes).map_err(|error| RosterError::Parse {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
        category: error.classify(),
    })
}

impl LoadedRoster {
    /// Keeps the document that was checked, so that it can come into force again if a later one is no good. Whole or not
    /// at all: written beside, synced, renamed. Blocks on the disk.
    pub fn keep(&mut self, to: &Path) -> Result<(), RosterError> {
        let document = std::mem::take(&mut self.document);
        write_whole(&document, to).map_err(|cause| RosterError::Keep(to.to_owned(), cause))
    }
}

fn write_whole(bytes: &[u8], to: &Path) -> io::Result<()> {
    let beside = to.with_extension("new");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    let mut file = fs::File::from(rustix::fs::open(&beside, flags, Mode::RUSR | Mode::WUSR)?);
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    fs::rename(&beside, to)?;
    fs::File::open(to.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Warns of places that the roster names and this gateway does not have: nobody can tap there, unless another gateway of the
/// campus has them.
pub fn warn_of_places(roster: &Roster, site: &Site) {
    let unknown = roster.places_unknown_to(site);
    if unknown.is_empty() {
        return;
    }
    let named: Vec<&str> = unknown.iter().take(PLACES_NAMED).map(|place| place.as_str()).collect();
    warn!(
        places = unknown.len(),
        "the roster has sessions or patrols at places that this gateway does not have: {}{}; add them as [[place]], \
         unless another gateway of the campus has them",
        named.join(", "),
        if unknown.len() > PLACES_NAMED { ", …" } else { "" }
    );
}

/// Whether both files are there, of a size to be taken, and say the same.
pub fn say_the_same(one: &Path, other: &Path) -> bool {
    matches!((read(one), read(other)), (Ok(one), Ok(other)) if one == other)
}

fn read(path: &Path) -> Result<Vec<u8>, RosterError> {
    let cant_read = |cause| RosterError::Read(path.to_owned(), cause);
    let size = fs::metadata(path).map_err(cant_read)?.len();
    if size > MAX_ROSTER_BYTES {
        return Err(RosterError::TooLarge(path.to_owned(), size));
    }
    fs::read(path).map_err(cant_read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster_of(students: usize) -> String {
        let students: Vec<_> = (0..students).map(|n| format!(r#"{{"id":"s{n}","name":"s{n}"}}"#)).collect();
        format!(r#"{{"v":1,"version":"t","students":[{}]}}"#, students.join(","))
    }

    #[test]
    fn a_roster_that_drops_more_than_a_fifth_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roster.json");
        fs::write(&path, roster_of(100)).unwrap();
        let old = load(&path, None).unwrap();
        fs::write(&path, roster_of(80)).unwrap();
        assert_eq!(load(&path, Some(&old.roster)).unwrap().roster.student_count(), 80);
        fs::write(&path, roster_of(79)).unwrap();
        assert!(matches!(load(&path, Some(&old.roster)), Err(RosterError::DropsTooMany { dropped: 21, old: 100, .. })));
        fs::write(&path, roster_of(100).replace("\"id\":\"s", "\"id\":\"t")).unwrap();
        let stranger = load(&path, Some(&old.roster));
        assert!(matches!(stranger, Err(RosterError::DropsTooMany { dropped: 100, .. })), "another school's roster");
    }

    #[test]
    fn what_was_kept_is_the_same_roster() {
        let dir = tempfile::tempdir().unwrap();
        let (path, kept) = (dir.path().join("roster.json"), dir.path().join("kept.json"));
        fs::write(&path, roster_of(3)).unwrap();
        let mut loaded = load(&path, None).unwrap();
        fs::write(&path, "replaced meanwhile").unwrap();
        loaded.keep(&kept).unwrap();
        assert_eq!(load(&kept, None).unwrap().digest, loaded.digest);
        fs::copy(&kept, &path).unwrap();
        assert!(say_the_same(&path, &kept));
        fs::write(&path, roster_of(4)).unwrap();
        assert!(!say_the_same(&path, &kept));
        fs::remove_file(&path).unwrap();
        assert!(!say_the_same(&path, &kept));
    }

    const GUIDE: &str = include_str!("../docs/roster.md");

    fn guides_example() -> serde_json::Value {
        let example = GUIDE.split("```json").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        serde_json::from_str(example).unwrap()
    }

    #[test]
    fn the_guides_example_is_a_roster() {
        let document: Document = serde_json::from_value(guides_example()).unwrap();
        let roster = Roster::try_new(document).unwrap_or_else(|faults| panic!("{faults:#?}"));
        assert_eq!(roster.student_count(), 2);
    }

    /// Every list that a document has stands in the example with a line, and all of its fields; the policy's are in the table.
    #[test]
    fn the_guide_tells_of_every_field() {
        let example = guides_example();
        let document: Document = serde_json::from_value(example.clone()).unwrap();
        let written = serde_json::to_value(&document).unwrap();
        let fields: Vec<&String> = written.as_object().unwrap().keys().collect();
        assert_eq!(fields, example.as_object().unwrap().keys().collect::<Vec<_>>());
        for (list, lines) in written.as_object().unwrap() {
            for field in
                lines.as_array().into_iter().flatten().filter_map(|line| line.as_object()).flat_map(|l| l.keys())
            {
                let told = example[list].as_array().unwrap().iter().any(|line| line.get(field).is_some());
                assert!(told, "{list}: {field}");
            }
        }
        for policy in written["policy"].as_object().unwrap().keys() {
            assert!(GUIDE.contains(&format!("`{policy}`")), "policy.{policy}");
        }
    }

    #[test]
    fn a_mistake_is_told_without_what_was_found_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roster.json");
        fs::write(&path, r#"{"v":1,"version":"t","students":["王小明"]}"#).unwrap();
        let told = load(&path, None).unwrap_err().to_string();
        assert!(told.contains("line 1") && !told.contains("王小明"), "{told}");
    }

    #[test]
    fn every_fault_of_a_roster_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("roster.json");
        fs::write(&path, r#"{"v":2,"version":"","students":[{"id":"a","name":"a"},{"id":"a","name":"b"}]}"#).unwrap();
        let Err(RosterError::Faults(_, faults)) = load(&path, None) else { panic!("taken") };
        let at: Vec<_> = faults.iter().map(|fault| fault.at.as_str()).collect();
        assert_eq!(at, ["v", "version", "students[1].id"]);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_roster_or_an_error(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("roster.json");
            fs::write(&path, bytes).unwrap();
            let _ = load(&path, None);
        }
    }
}
