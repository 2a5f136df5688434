//! How sync stands, for people and monitors.

use std::time::Instant;

/// How sync stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncStatus {
    /// Whether the last try got an answer of any kind; false before the first.
    pub reachable: bool,
    /// The platform has every entry through this one.
    pub acknowledged: u64,
    /// What stands in the way; none after a success.
    pub last_error: Option<Trouble>,
    /// Tries that failed since the last success.
    pub failures: u32,
    /// The last acknowledgement, in monotonic time: the wall clock may be wrong or set meanwhile.
    pub last_success: Option<Instant>,
    /// When the next try is due, while something stands in the way.
    pub next_try: Option<Instant>,
}

impl SyncStatus {
    pub(super) fn new(acknowledged: u64) -> Self {
        Self { reachable: false, acknowledged, last_error: None, failures: 0, last_success: None, next_try: None }
    }

    /// The code of a refusal that waits for a person: the platform's (`chain_conflict`, `ledger_changed`,
    /// `unauthorized`, …) or our own ([`Trouble::code`]).
    pub fn refused_code(&self) -> Option<&str> {
        self.last_error.as_ref().filter(|trouble| trouble.needs_a_person()).map(Trouble::code)
    }
}

/// What stands in the way of sending.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// No answer.
    #[error("the platform cannot be reached: {0}")]
    Unreachable(String),
    /// An answer of 5xx, 408 or 429.
    #[error("the platform answered {status}: not now")]
    Busy {
        /// The answer's status.
        status: u16,
    },
    /// An answer that the interface does not have; perhaps something else answers at that address.
    #[error("the answer is not a platform's: {0}")]
    Nonsense(String),
    /// A refusal that sending again will not change.
    #[error("the platform refused: {code}: {detail}")]
    Refused {
        /// The problem's `code`, or `http_` and the status.
        code: String,
        /// The problem's words.
        detail: String,
    },
    /// The platform has entries that this ledger does not: the ledger was restored from an old copy.
    #[error("the platform has entries through {platform}, this ledger only through {ledger}")]
    Ahead {
        /// Last entry at the platform.
        platform: u64,
        /// Last entry here.
        ledger: u64,
    },
    /// The platform wants entries that retention has removed here.
    #[error("the platform wants entries from {from}, the first that is left is {first}")]
    Removed {
        /// The first that is wanted.
        from: u64,
        /// The first that is left.
        first: u64,
    },
    /// An entry that one line cannot carry.
    #[error("entry {seq} has a line break and cannot be sent")]
    Unsendable {
        /// The entry.
        seq: u64,
    },
    /// The ledger could not be read.
    #[error("{0}")]
    Ledger(String),
}

impl Trouble {
    /// A name that does not change, for monitors and translations.
    pub fn code(&self) -> &str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Busy { .. } => "busy",
            Self::Nonsense(_) => "nonsense",
            Self::Refused { code, .. } => code,
            Self::Ahead { .. } => "platform_ahead",
            Self::Removed { .. } => "entries_removed",
            Self::Unsendable { .. } => "entry_unsendable",
            Self::Ledger(_) => "ledger_unreadable",
        }
    }

    /// Whether waiting alone will not help.
    pub fn needs_a_person(&self) -> bool {
        match self {
            Self::Refused { .. } | Self::Ahead { .. } | Self::Removed { .. } | Self::Unsendable { .. } => true,
            Self::Unreachable(_) | Self::Busy { .. } | Self::Nonsense(_) | Self::Ledger(_) => false,
        }
    }

    /// Whether it came from the platform rather than from the way there or from here.
    pub(super) fn is_an_answer(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Nonsense(_) | Self::Refused { .. } | Self::Ahead { .. })
    }
}
