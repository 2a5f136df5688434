//! What is known of entries that were looked at and not told yet.

use std::collections::{BTreeMap, HashMap};

use schoolgate_core::{
    entry::{Entry, Seq, What},
    id::GuardianId,
    notice::{self, Notice},
    roster::Roster,
};

/// Holds no more than one number for each guardian, and for each alarm that is on.
#[derive(Default)]
pub(super) struct Later {
    /// The last entry that changes what this guardian sees of their children.
    statuses: HashMap<GuardianId, Seq>,
    /// The last word on an alarm that is on, by the entry that raised it.
    acknowledged: BTreeMap<Seq, Seq>,
}

impl Later {
    pub(super) fn note(&mut self, entry: &Entry, roster: &Roster) {
        for student in notice::changes_status(&entry.what) {
            for (link, _) in roster.heard_by(student, &entry.at) {
                if let Some(last) = self.statuses.get_mut(link.guardian) {
                    *last = entry.seq;
                } else {
                    self.statuses.insert(link.guardian.clone(), entry.seq);
                }
            }
        }
        match &entry.what {
            What::AlarmAcknowledged { raised, .. } => {
                self.acknowledged.insert(*raised, entry.seq);
            }
            What::AlarmEnded { raised, .. } => {
                self.acknowledged.remove(raised);
            }
            _ => {}
        }
    }

    /// Whether a later entry changes what this guardian sees.
    pub(super) fn concerns_again(&self, guardian: &GuardianId, seq: Seq) -> bool {
        self.statuses.get(guardian).is_some_and(|last| *last > seq)
    }

    /// Whether nobody has acknowledged the alert since.
    pub(super) fn is_newest(&self, notice: &Notice, entry: &Entry) -> bool {
        let Notice::Alert { raised, on: true, .. } = notice else { return true };
        self.acknowledged.get(raised).is_none_or(|last| *last <= entry.seq)
    }
}
