//! An emergency: who is accounted for.

use alloc::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    entry::{Entry, MusterCause, Seq, What},
    roster::Holder,
    state::State,
    time::Stamp,
};

/// A muster that is going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Muster {
    /// The entry that started it.
    pub by: Seq,
    /// When.
    pub at: Stamp,
    /// Why.
    pub cause: MusterCause,
    /// Whether it is an exercise.
    pub drill: bool,
    /// Who is accounted for, and by which entry.
    pub safe: BTreeMap<Holder, Seq>,
}

impl State {
    pub(super) fn fold_muster(&mut self, entry: &Entry) {
        match &entry.what {
            What::MusterStarted { cause, drill, .. } => {
                let (cause, drill) = (cause.clone(), *drill);
                self.muster = Some(Muster { by: entry.seq, at: entry.at, cause, drill, safe: BTreeMap::new() });
            }
            What::Safe { holder, .. } => {
                if let Some(muster) = &mut self.muster {
                    muster.safe.entry(holder.clone()).or_insert(entry.seq);
                }
            }
            What::MusterEnded { .. } => self.muster = None,
            _ => {}
        }
    }

    /// The muster that is going on.
    pub fn muster(&self) -> Option<&Muster> {
        self.muster.as_ref()
    }
}
