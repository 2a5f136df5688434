//! A credential was presented: is it the same tap again, whose is it, and what does it mean here?

use crate::{
    action::Act,
    credential::{CredentialId, CredentialStatus},
    entry::{Reason, Seq, Tap, What},
    id::ReaderId,
    picture::Picture,
    roster::Holder,
    rules::{guardian, refusal, student},
    school::School,
    site::PlaceRole,
};

pub(crate) fn decide(school: &mut School, reader: ReaderId, credential: CredentialId) {
    let Some((place, role)) = school.site.place_of(&reader).map(|(id, place)| (id.clone(), place.role)) else {
        return; // the shell has only the readers that the site has
    };
    let tap = Tap { place, reader, credential };
    if show_again(school, &tap) {
        return;
    }
    let Some(known) = school.roster.credential(credential).cloned() else {
        return refusal::refuse(school, None, tap, Reason::Unknown);
    };
    let holder = known.holder;
    if let Some(reason) = unusable(known.status) {
        return refusal::refuse(school, Some(holder), tap, reason);
    }
    match (holder, role) {
        (Holder::Student(id), PlaceRole::Gate) => student::at_gate(school, id, tap),
        (Holder::Student(id), PlaceRole::HandoverDesk) => student::at_desk(school, id, tap),
        (Holder::Guardian(id), PlaceRole::Gate | PlaceRole::HandoverDesk) => guardian::calls(school, id, tap, role),
        (holder, _) => {
            let shown = tap.clone();
            let seq = school.record(What::Seen { holder, tap });
            show(school, seq, shown, Picture::Noted);
        }
    }
}

/// A second tap of the same card at the same place within the window is the same tap: it shows the same again and leaves
/// no second entry.
fn show_again(school: &mut School, tap: &Tap) -> bool {
    let window = school.policy().repeat_window();
    let Some(first) = school.state.recent_tap(tap.credential, &tap.place) else { return false };
    if !school.within(&first.at, window) {
        return false;
    }
    let (seq, picture) = (first.seq, first.picture.clone());
    show(school, seq, tap.clone(), picture);
    true
}

fn unusable(status: CredentialStatus) -> Option<Reason> {
    match status {
        CredentialStatus::Active => None,
        CredentialStatus::Lost => Some(Reason::Lost),
        CredentialStatus::Blocked => Some(Reason::Blocked),
        CredentialStatus::Expired => Some(Reason::Expired),
    }
}

/// Shows the outcome of a tap; what promises something, once its entry is on disk.
pub(crate) fn show(school: &mut School, seq: Seq, tap: Tap, picture: Picture) {
    let after = picture.promises().then_some(seq);
    school.act(after, Act::Show { place: tap.place, reader: tap.reader, picture });
}
