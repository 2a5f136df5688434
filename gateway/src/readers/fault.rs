//! What can be wrong on a reader's line.

use std::fmt;

macro_rules! fault_kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $constant:ident);+ $(;)?) => {
        /// Kinds of faults on a reader's line.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum FaultKind { $($(#[$doc])* $kind),+ }

        impl FaultKind {
            /// All of them.
            pub const ALL: [Self; [$(Self::$kind),+].len()] = [$(Self::$kind),+];

            /// Its name in metrics and messages.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),+ }
            }
        }

        impl Fault {
            $($(#[$doc])* pub const $constant: Self = Self { kind: FaultKind::$kind, count: 1 };)+
        }
    };
}

/// Something that was wrong on a reader's line, once, or as often as `count` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What.
    pub kind: FaultKind,
    /// How often; for garbage, bytes.
    pub count: u32,
}

fault_kinds! {
    /// A whole frame whose check doesn't fit.
    BadChecksum = "bad_checksum", BAD_CHECKSUM;
    /// A frame with a byte that is no digit; what follows up to the next start is garbage.
    NotHex = "not_hex", NOT_HEX;
    /// A frame that ended, started anew or fell silent too early.
    CutShort = "cut_short", CUT_SHORT;
    /// A frame that no end followed; what follows up to the next start is garbage.
    NoEnd = "no_end", NO_END;
    /// A frame or a line that is longer than any can be.
    TooLong = "too_long", TOO_LONG;
    /// A line with a byte that is no printable ASCII.
    NotText = "not_text", NOT_TEXT;
    /// A sound frame that makes no sense where it came.
    Unexpected = "unexpected", UNEXPECTED;
    /// The reader said that it could not do what it was told.
    Refused = "refused", REFUSED;
    /// The reader was asked and didn't answer in time.
    NoAnswer = "no_answer", NO_ANSWER;
    /// A byte outside any frame.
    Garbage = "garbage_bytes", GARBAGE_BYTE;
}

impl Fault {
    /// So many bytes outside any frame.
    pub fn garbage(bytes: u32) -> Self {
        Self { kind: FaultKind::Garbage, count: bytes }
    }
}

/// Faults by kind, in a time or in all.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultCounts([u64; FaultKind::ALL.len()]);

impl FaultCounts {
    /// Whether nothing was wrong.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How often this happened; for garbage, bytes.
    pub fn of(&self, kind: FaultKind) -> u64 {
        self.0.get(kind as usize).copied().unwrap_or_default()
    }

    /// The kinds that happened, and how often.
    pub fn iter(&self) -> impl Iterator<Item = (FaultKind, u64)> {
        FaultKind::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0)
    }

    /// Adds one more.
    pub fn add(&mut self, fault: Fault) {
        if let Some(count) = self.0.get_mut(fault.kind as usize) {
            *count = count.saturating_add(fault.count.into());
        }
    }
}

impl FromIterator<(FaultKind, u64)> for FaultCounts {
    fn from_iter<I: IntoIterator<Item = (FaultKind, u64)>>(counts: I) -> Self {
        let mut all = Self::default();
        for (kind, count) in counts {
            if let Some(sum) = all.0.get_mut(kind as usize) {
                *sum = sum.saturating_add(count);
            }
        }
        all
    }
}

impl FromIterator<Fault> for FaultCounts {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        let mut all = Self::default();
        faults.into_iter().for_each(|fault| all.add(fault));
        all
    }
}

impl fmt::Debug for FaultCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.iter().map(|(kind, count)| format!("{}={count}", kind.name()));
        f.write_str(&counts.collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted_by_kind_and_printed_where_there_are_any() {
        let counts: FaultCounts = [Fault::CUT_SHORT, Fault::garbage(7), Fault::CUT_SHORT].into_iter().collect();
        assert_eq!((counts.of(FaultKind::CutShort), counts.of(FaultKind::Garbage)), (2, 7));
        assert_eq!(format!("{counts:?}"), "cut_short=2 garbage_bytes=7");
        assert!(FaultCounts::default().is_empty());
    }
}
