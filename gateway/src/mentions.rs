//! Which ids an entry names, by the fields that they stand in, and its day. Works on entries of newer kinds as well; see
//! `gateway/docs/entries.md`.

use schoolgate_core::time::Stamp;
use serde::Deserialize;
use serde_json::Value;

/// Fields of entries in which ids of one sort stand.
pub(crate) type Fields = &'static [&'static str];

/// Every field.
pub(crate) const ANYTHING: Fields = &[];
pub(crate) const GUARDIAN: Fields = &["guardian"];
pub(crate) const PLACE: Fields = &["place", "called_elsewhere", "session_elsewhere", "panic"];
pub(crate) const SESSION: Fields = &["session", "sessions", "absence"];
pub(crate) const STAFF: Fields = &["staff", "by", "confirmed_by", "instead_of", "from", "to", "lifted_by"];
pub(crate) const STUDENT: Fields = &["student", "students", "missing"];

/// A sort of ids by which entries are found again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// Students.
    Student,
    /// Sessions.
    Session,
    /// Places.
    Place,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Student, Self::Session, Self::Place];

    /// The fields in which such ids stand.
    pub(crate) fn fields(self) -> Fields {
        match self {
            Self::Student => STUDENT,
            Self::Session => SESSION,
            Self::Place => PLACE,
        }
    }
}

/// What an entry can be found by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Its day by the school's wall, in days since 1970-01-01; none if its clock was not set.
    pub day: Option<i64>,
    /// The ids that it names, each once.
    pub ids: Vec<(Sort, String)>,
}

#[derive(Deserialize)]
struct Raw {
    at: Option<Stamp>,
    what: Option<Value>,
}

impl Mentions {
    /// Those of an entry's body. What is no entry names nobody.
    pub fn of(body: &[u8]) -> Self {
        let Ok(Raw { at, what }) = serde_json::from_slice(body) else { return Self::default() };
        let mut ids = Vec::new();
        what.iter().for_each(|what| collect(what, "", &mut ids));
        ids.sort();
        ids.dedup();
        Self { day: at.and_then(|at| at.day()), ids }
    }
}

/// Recursion is bounded: serde_json takes no deeper nesting than 128.
fn collect(value: &Value, field: &str, ids: &mut Vec<(Sort, String)>) {
    match value {
        Value::String(id) => {
            let sorts = Sort::ALL.into_iter().filter(|sort| sort.fields().contains(&field));
            ids.extend(sorts.map(|sort| (sort, id.clone())));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, field, ids)),
        Value::Object(fields) => fields.iter().for_each(|(field, value)| collect(value, field, ids)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_are_told_apart_by_their_fields_however_deep_and_named_once() {
        let body = br#"{"v":9,"what":{"new_kind":{"student":"a","tap":{"place":"p"},"missing":["b","a"],"by":"z"}}}"#;
        let id = |sort, id: &str| (sort, id.to_owned());
        let expected = vec![id(Sort::Student, "a"), id(Sort::Student, "b"), id(Sort::Place, "p")];
        assert_eq!(Mentions::of(body), Mentions { day: None, ids: expected });
    }

    #[test]
    fn every_student_session_and_place_of_every_kind_is_named() {
        let mut named = 0;
        for entry in crate::ledger_cli::tests::every_kind() {
            let found = Mentions::of(&entry.encode().unwrap());
            assert_eq!(found.day, entry.at.day());
            let what = &entry.what;
            let students = what.students().iter().map(|id| (Sort::Student, id.as_str().to_owned()));
            let session = what.session().map(|id| (Sort::Session, id.as_str().to_owned()));
            let place = what.place().map(|id| (Sort::Place, id.as_str().to_owned()));
            for id in students.chain(session).chain(place) {
                assert!(found.ids.contains(&id), "{id:?} in {entry:?}");
                named += 1;
            }
        }
        assert!(named > 50, "{named}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_taken(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Mentions::of(&body);
        }
    }
}
