//! Who has which post, and the handovers that wait for their other side.

use alloc::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    entry::{Entry, Seq, What},
    id::{PlaceId, ReaderId, StaffId},
    roster::Post,
    state::State,
    time::Stamp,
};

/// Somebody has a post.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostHeld {
    /// Who.
    pub staff: StaffId,
    /// Since when.
    pub since: Stamp,
    /// By which entry.
    pub by: Seq,
    /// Whether their card says so, too: else the rota or a screen alone does, and they may still be on their way.
    pub tapped: bool,
}

/// A handover that waits for its other side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The entry that offered it.
    pub seq: Seq,
    /// Who answers for the group.
    pub from: StaffId,
    /// Who takes over, if they came first.
    pub to: Option<StaffId>,
    /// Where.
    pub place: PlaceId,
    /// When.
    pub at: Stamp,
}

impl State {
    pub(super) fn fold_posts(&mut self, entry: &Entry) {
        match &entry.what {
            What::PostTaken { post, staff, tap, .. } => self.take_post(*post, staff, tap.is_some(), entry),
            What::PostLeft { post, .. } => {
                self.posts.remove(post);
            }
            What::HandoverOffered { from, to, tap } => {
                let (from, to, place) = (from.clone(), to.clone(), tap.place.clone());
                self.offers.insert(tap.reader.clone(), Offer { seq: entry.seq, from, to, place, at: entry.at });
            }
            What::HandedOver { to, posts, offer, tap, .. } => {
                posts.iter().for_each(|post| self.take_post(*post, to, tap.is_some(), entry));
                self.offers.retain(|_, open| Some(open.seq) != *offer);
            }
            What::HandoverLapsed { offer } => self.offers.retain(|_, open| open.seq != *offer),
            _ => {}
        }
    }

    fn take_post(&mut self, post: Post, staff: &StaffId, tapped: bool, entry: &Entry) {
        self.posts.insert(post, PostHeld { staff: staff.clone(), since: entry.at, by: entry.seq, tapped });
    }

    /// Who has which post.
    pub fn posts(&self) -> &BTreeMap<Post, PostHeld> {
        &self.posts
    }

    /// The handovers that wait for their other side.
    pub fn offers(&self) -> &BTreeMap<ReaderId, Offer> {
        &self.offers
    }
}
