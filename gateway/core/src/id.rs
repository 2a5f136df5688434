//! Names of things: checked once, cheap to clone, of one shape everywhere.
//!
//! Ids travel in MQTT topics, file names, URLs and CSV cells, so the shape is the least that all of these take unescaped.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use smol_str::SmolStr;

/// Longest id, in bytes.
pub const MAX_ID_BYTES: usize = 64;

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdError {
    /// It has no characters.
    Empty,
    /// It is longer than [`MAX_ID_BYTES`].
    TooLong,
    /// It holds this character; letters, digits, `.`, `_` and `-` are allowed.
    Character(char),
}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "an id must not be empty"),
            Self::TooLong => write!(f, "an id has at most {MAX_ID_BYTES} characters"),
            Self::Character(c) => {
                write!(f, "{c:?} can't stand in an id: A-Z a-z 0-9 . _ - can")
            }
        }
    }
}

impl core::error::Error for IdError {}

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong);
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.chars().find(|&c| !fits(c)).map_or(Ok(()), |c| Err(IdError::Character(c)))
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(SmolStr);

        impl $name {
            /// Takes a text of 1 to [`MAX_ID_BYTES`] characters out of `A-Z a-z 0-9 . _ -`.
            pub fn try_new(text: &str) -> Result<Self, IdError> {
                check(text).map(|()| Self(SmolStr::new(text)))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = SmolStr::deserialize(from)?;
                check(&text).map_err(serde::de::Error::custom)?;
                Ok(Self(text))
            }
        }
    )+};
}

ids! {
    /// The school, one of the district's.
    SchoolId,
    /// One schoolgate box, unique in the district.
    GatewayId,
    /// Where a reader stands.
    PlaceId,
    /// One reader of this gateway.
    ReaderId,
    /// A student on the roll.
    StudentId,
    /// A parent or other legal guardian.
    GuardianId,
    /// Somebody who works at the school: teacher, duty leader, security, instructor, inspector.
    StaffId,
    /// Somebody who comes once, for a purpose.
    VisitorId,
    /// An outside institution that gives courses.
    InstitutionId,
    /// A course offered in a term.
    CourseId,
    /// One dated occurrence of a course.
    SessionId,
    /// A round of the safety patrol, as the patrol plan names it.
    PatrolId,
    /// A key that signs pickup passes.
    PassKeyId,
    /// Opaque, unguessable name under which one guardian's messages are published.
    GuardianToken,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_break_a_topic_is_refused() {
        for bad in ["", "a/b", "a+b", "#", "a b", "小明"] {
            assert!(StudentId::try_new(bad).is_err(), "{bad:?}");
        }
        assert!(StudentId::try_new(&"x".repeat(65)).is_err());
        assert_eq!(StudentId::try_new("S-2026.0_1").unwrap().as_str(), "S-2026.0_1");
    }

    #[test]
    fn json_is_checked_like_any_other_text() {
        assert!(serde_json::from_str::<PlaceId>("\"east gate\"").is_err());
        assert_eq!(serde_json::from_str::<PlaceId>("\"east-gate\"").unwrap().as_str(), "east-gate");
    }
}
