//! Which ids an entry names, by the fields that they stand in, and its day. Works on entries of newer kinds as well; see
//! `gateway/docs/entries.md`.

use std::fmt;

use schoolgate_core::time::{ClockQuality, Stamp, Wall};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};

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

impl Mentions {
    /// Those of an entry's body. What is no entry names nobody.
    pub fn of(body: &[u8]) -> Self {
        let Ok(Raw { at, what }) = serde_json::from_slice(body) else { return Self::default() };
        let day = at.and_then(|Moment { wall, clock }| Stamp { wall, clock, ..Stamp::default() }.day());
        let mut ids = what.map_or_else(Vec::new, |Ids(ids)| ids);
        ids.sort();
        ids.dedup();
        Self { day, ids }
    }
}

#[derive(Deserialize)]
struct Raw {
    at: Option<Moment>,
    what: Option<Ids>,
}

/// What of an entry's moment tells its day.
#[derive(Deserialize)]
struct Moment {
    wall: Wall,
    clock: ClockQuality,
}

/// The ids in some JSON.
struct Ids(Vec<(Sort, String)>);

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let mut ids = Vec::new();
        Finder { sort: None, ids: &mut ids }.deserialize(json)?;
        Ok(Self(ids))
    }
}

/// Takes the ids out of a value without building it. Recursion is bounded: serde_json takes no deeper nesting than 128.
struct Finder<'a> {
    /// What the value's field holds ids of.
    sort: Option<Sort>,
    ids: &'a mut Vec<(Sort, String)>,
}

impl<'de> DeserializeSeed<'de> for Finder<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Finder<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_str<E: Error>(self, id: &str) -> Result<(), E> {
        self.ids.extend(self.sort.map(|sort| (sort, id.to_owned())));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while values.next_element_seed(Finder { sort: self.sort, ids: &mut *self.ids })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(Field(sort)) = fields.next_key()? {
            fields.next_value_seed(Finder { sort, ids: &mut *self.ids })?;
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A field, as what it holds ids of.
struct Field(Option<Sort>);

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Field;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's name")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Field, E> {
                Ok(Field(Sort::ALL.into_iter().find(|sort| sort.fields().contains(&name))))
            }
        }
        json.deserialize_identifier(Name)
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
    fn other_values_and_other_fields_name_nobody() {
        let body = br#"{"what":{"student":7,"place":null,"students":[true,-1,2.5,{"student":"a","x":["b"]}],"s\u0074udent":"c"},
            "student":"z"}"#;
        let ids = [(Sort::Student, "a".to_owned()), (Sort::Student, "c".to_owned())].to_vec();
        assert_eq!(Mentions::of(body), Mentions { day: None, ids });
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
