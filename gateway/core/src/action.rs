//! What the shell has to do in the world.

use crate::{
    entry::Seq,
    gate::Standing,
    id::{PlaceId, ReaderId},
    picture::Picture,
};

/// Something to do, and the entry that must be on disk before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// The entry that the act promises; none for acts that promise nothing.
    pub after: Option<Seq>,
    /// What to do.
    pub act: Act,
}

/// Something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Show this to the person at the reader.
    Show {
        /// Where the reader stands.
        place: PlaceId,
        /// Which reader.
        reader: ReaderId,
        /// What.
        picture: Picture,
    },
    /// Let one person through the gate.
    Release {
        /// Which gate.
        place: PlaceId,
    },
    /// Lock the gate before the time of its release is over: whoever was let through has gone.
    EndRelease {
        /// Which gate.
        place: PlaceId,
    },
    /// The gate is to be this until told otherwise. An emergency goes before it.
    Stand {
        /// Which gate.
        place: PlaceId,
        /// What.
        standing: Standing,
    },
    /// Every gate stands open, or is a gate again.
    Free {
        /// Whether they stand open.
        on: bool,
    },
}
