//! What can be wrong with a line.

use std::path::PathBuf;

use embedded_hal::digital::{Error, ErrorKind};

use super::Inventory;

/// A line can't be had, set or read.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// No line of that name is there.
    #[error("no line is called {name}")]
    NotThere {
        /// As it was asked for.
        name: String,
        /// What there is.
        there: Inventory,
    },
    /// Several lines have that name.
    #[error("two lines are called {name}: {}", at.join(", "))]
    Ambiguous {
        /// As it was asked for.
        name: String,
        /// Where they are, as `chip:offset`.
        at: Vec<String>,
    },
    /// Somebody else has it.
    #[error("line {name} is in use by {by}")]
    Busy {
        /// As it was asked for.
        name: String,
        /// Who, as the kernel knows them.
        by: String,
    },
    /// This process may not have it.
    #[error("line {name} may not be opened ({path}): the user needs the group gpio")]
    Denied {
        /// As it was asked for.
        name: String,
        /// The chip.
        path: PathBuf,
    },
    /// The kernel does not give it.
    #[error("line {name} can't be had: {why}")]
    Request {
        /// As it was asked for.
        name: String,
        /// In the kernel's words.
        why: String,
    },
    /// Its level can't be set or read.
    #[error("line {name}: {why}")]
    Level {
        /// As it was asked for.
        name: String,
        /// In the kernel's words.
        why: String,
    },
    /// The registers of a Raspberry Pi can't be had.
    #[error("this board's registers can't be had by rppal ({why}); gpiocdev works on any board")]
    NoPi {
        /// In rppal's words.
        why: String,
    },
    /// What watches the inputs can't be started.
    #[error("the inputs can't be watched")]
    Watch(#[source] std::io::Error),
}

impl Error for LineError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}
