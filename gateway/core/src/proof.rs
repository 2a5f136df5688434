//! What a credential proved when it was shown: from a number that anybody can copy to a message that can't be made
//! without the card's key.

use alloc::{collections::BTreeSet, vec::Vec};
use serde::{Deserialize, Serialize};

use crate::roster::Holder;

/// How a credential made itself known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Its number alone, which is easily copied.
    #[default]
    Number,
    /// A message that only the card can make, and each only once (NTAG 424 DNA, NXP AN12196).
    SecureMessage {
        /// How often the card was read before and with this: 24 bits, never the same twice.
        counter: u32,
    },
    /// Its number, from a reader that speaks over a secure channel (OSDP) and answers for the card.
    SecureChannel,
    /// A pickup pass that was scanned.
    Pass,
    /// A pickup pass's code that was typed.
    Code,
}

impl Proof {
    /// Which kind it is.
    pub fn kind(self) -> ProofKind {
        match self {
            Self::Number => ProofKind::Number,
            Self::SecureMessage { .. } => ProofKind::SecureMessage,
            Self::SecureChannel => ProofKind::SecureChannel,
            Self::Pass => ProofKind::Pass,
            Self::Code => ProofKind::Code,
        }
    }

    /// The card's counter, if it told one that can be believed.
    pub fn counter(self) -> Option<u32> {
        match self {
            Self::SecureMessage { counter } => Some(counter),
            _ => None,
        }
    }
}

/// A kind of proof, as policy names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofKind {
    /// See [`Proof::Number`].
    Number,
    /// See [`Proof::SecureMessage`].
    SecureMessage,
    /// See [`Proof::SecureChannel`].
    SecureChannel,
    /// See [`Proof::Pass`].
    Pass,
    /// See [`Proof::Code`].
    Code,
}

impl ProofKind {
    /// What a card can show.
    pub const OF_CARDS: [Self; 3] = [Self::Number, Self::SecureMessage, Self::SecureChannel];
    /// What somebody with a pickup pass can show.
    pub const OF_PASSES: [Self; 2] = [Self::Pass, Self::Code];

    /// Its name, as policy and entries have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::SecureMessage => "secure_message",
            Self::SecureChannel => "secure_channel",
            Self::Pass => "pass",
            Self::Code => "code",
        }
    }
}

/// Which kinds of proof count, by who shows them. Left out: every kind that they can show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Proofs {
    /// For students' cards.
    pub student: BTreeSet<ProofKind>,
    /// For guardians' cards.
    pub guardian: BTreeSet<ProofKind>,
    /// For the cards of staff.
    pub staff: BTreeSet<ProofKind>,
    /// For visitors' cards.
    pub visitor: BTreeSet<ProofKind>,
    /// For pickup passes; none: they are not taken at all.
    pub pass: BTreeSet<ProofKind>,
}

impl Default for Proofs {
    fn default() -> Self {
        let any_card = || ProofKind::OF_CARDS.into();
        Self {
            student: any_card(),
            guardian: any_card(),
            staff: any_card(),
            visitor: any_card(),
            pass: ProofKind::OF_PASSES.into(),
        }
    }
}

impl Proofs {
    /// Whether this proof counts for the card of this holder.
    pub fn take_card(&self, holder: &Holder, proof: Proof) -> bool {
        let counts = match holder {
            Holder::Student(_) => &self.student,
            Holder::Guardian(_) => &self.guardian,
            Holder::Staff(_) => &self.staff,
            Holder::Visitor(_) => &self.visitor,
        };
        counts.contains(&proof.kind())
    }

    /// Whether this proof counts for a pickup pass.
    pub fn take_pass(&self, proof: Proof) -> bool {
        self.pass.contains(&proof.kind())
    }

    /// What is listed for each, and what could be.
    pub(crate) fn lists(&self) -> [(&'static str, &BTreeSet<ProofKind>, &'static [ProofKind]); 5] {
        [
            ("student", &self.student, &ProofKind::OF_CARDS),
            ("guardian", &self.guardian, &ProofKind::OF_CARDS),
            ("staff", &self.staff, &ProofKind::OF_CARDS),
            ("visitor", &self.visitor, &ProofKind::OF_CARDS),
            ("pass", &self.pass, &ProofKind::OF_PASSES),
        ]
    }

    /// The names of kinds, to be listed.
    pub(crate) fn names(kinds: &[ProofKind]) -> Vec<&'static str> {
        kinds.iter().map(|kind| kind.name()).collect()
    }
}

/// What is made of a card's number alone, if the card has shown secure messages here before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BareNumber {
    /// It counts as the number of any other card: some readers here can't read messages.
    #[default]
    LetThrough,
    /// It is taken for a copy of the card's number: every reader here can read messages.
    Refuse,
}
