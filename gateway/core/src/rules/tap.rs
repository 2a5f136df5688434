//! A credential was presented: is it the same tap again, whose is it, and what does it mean here?

use alloc::collections::VecDeque;

use crate::{
    action::Act,
    alarm::Alarm,
    credential::{CredentialId, CredentialStatus},
    entry::{Reason, Seq, Tap, What},
    id::{PlaceId, ReaderId},
    picture::Picture,
    proof::{BareNumber, Proof},
    roster::Holder,
    rules::{canteen, gate, guardian, lesson, muster, refusal, staff, student, visitor},
    school::School,
    site::PlaceRole,
    state::RecentTap,
    time::Stamp,
};

pub(crate) fn decide(school: &mut School, reader: ReaderId, credential: CredentialId, proof: Proof) {
    let Some((place, role)) = school.site.place_of(&reader).map(|(id, place)| (id.clone(), place.role)) else {
        return; // the shell has only the readers that the site has
    };
    let tap = Tap { place, reader, credential, proof };
    if is_copy(school, &tap) {
        return refuse_copy(school, tap);
    }
    meet(school, tap.clone(), role);
    // A message that led to no entry must not be good a second time either.
    if proof.counter().is_some_and(|counter| school.state.counter(credential) != Some(counter)) {
        school.record(What::Counted { tap });
    }
}

/// What a tap that is no copy leads to.
fn meet(school: &mut School, tap: Tap, role: PlaceRole) {
    let (credential, proof) = (tap.credential, tap.proof);
    // A copy's refusal is not the real card's.
    let is_real_one = proof.counter().is_some() && copy_was_refused(school, &tap);
    if !is_real_one && show_again(school, &tap) {
        return;
    }
    let Some(known) = school.roster.credential(credential) else {
        return refusal::refuse(school, None, tap, Reason::Unknown);
    };
    let holder = known.holder;
    let goes_out = role == PlaceRole::Gate && visitor::goes_out(school, &holder, &tap);
    if let Some(reason) = unusable(known.status).filter(|reason| *reason != Reason::Expired || !goes_out) {
        return refusal::refuse(school, Some(holder), tap, reason);
    }
    if !goes_out && !school.policy().proofs.take_card(&holder, proof) {
        return refusal::refuse(school, Some(holder), tap, Reason::WeakProof);
    }
    if role == PlaceRole::Gate && gate::is_out(school, &tap.place) {
        return refusal::refuse(school, Some(holder), tap, Reason::OutOfService);
    }
    match (holder, role) {
        (holder, PlaceRole::AssemblyPoint) => muster::at_assembly_point(school, holder, tap),
        (Holder::Student(id), PlaceRole::Gate) => student::at_gate(school, id, tap),
        (Holder::Student(id), PlaceRole::HandoverDesk) => student::at_desk(school, id, tap),
        (Holder::Guardian(id), PlaceRole::Gate | PlaceRole::HandoverDesk) => guardian::calls(school, id, tap),
        (Holder::Student(id), PlaceRole::Classroom) => lesson::student_at_classroom(school, id, tap),
        (Holder::Student(id), PlaceRole::Canteen) => canteen::dine(school, id, tap),
        (Holder::Staff(id), role) => staff::at(school, id, tap, role),
        (Holder::Visitor(id), role) => visitor::at(school, id, tap, role),
        (holder, _) => note(school, holder, tap),
    }
}

/// A card's secure message was not made with the card's key.
pub(crate) fn cloned(school: &mut School, reader: ReaderId, credential: CredentialId) {
    let Some(place) = school.site.place_of(&reader).map(|(id, _)| id.clone()) else { return };
    refuse_copy(school, Tap { place, reader, credential, proof: Proof::Number });
}

/// Whether what was shown is a copy: a message whose counter is not above the highest that the card has shown here, or
/// the bare number of a card that could have shown a message.
fn is_copy(school: &School, tap: &Tap) -> bool {
    match (tap.proof, school.state.counter(tap.credential)) {
        (Proof::SecureMessage { counter }, Some(seen)) => counter <= seen,
        (Proof::Number, Some(_)) => school.policy().bare_number == BareNumber::Refuse,
        _ => false,
    }
}

/// A copy that is played on and on makes one entry, and not one each time.
fn refuse_copy(school: &mut School, tap: Tap) {
    if copy_was_refused(school, &tap) && show_again(school, &tap) {
        return;
    }
    let holder = school.roster.credential(tap.credential).map(|known| known.holder);
    refusal::refuse(school, holder, tap, Reason::Cloned);
}

/// Whether what was refused here last in this card's name may have been a copy.
fn copy_was_refused(school: &School, tap: &Tap) -> bool {
    let refused = |last: &RecentTap| last.picture == Picture::CardRefused;
    let alarm = Alarm::ClonedCard { place: tap.place.clone() };
    school.state.recent_tap(tap.credential, &tap.place).is_some_and(refused)
        && school.state.alarms().contains_key(&alarm)
}

/// A known card at a place that has no rule for it.
pub(crate) fn note(school: &mut School, holder: Holder, tap: Tap) {
    let seq = school.record(What::Seen { holder, tap: tap.clone() });
    show(school, seq, tap, Picture::Noted);
}

/// A second tap of the same card at the same place within the window is the same tap: it shows the same again and leaves
/// no second entry. So is that of somebody who waits for the gate. The window counts from the last sighting, so that a wallet left on the reader stays one tap.
pub(crate) fn show_again(school: &mut School, tap: &Tap) -> bool {
    let window = school.policy().repeat_window();
    let Some(first) = school.state.recent_tap(tap.credential, &tap.place) else { return false };
    let seen_again = school.sightings.last(tap);
    let still_waits = gate::is_waiting(school, first.seq);
    if !still_waits && !school.within(&first.at, window) && !seen_again.is_some_and(|at| school.within(at, window)) {
        return false;
    }
    let (seq, picture) = (first.seq, first.picture.clone());
    school.sightings.note(tap, school.now);
    show(school, seq, tap.clone(), picture);
    true
}

/// When taps were last repeated. No part of the state: a restart forgets it, and nothing but a picture depends on it.
#[derive(Debug, Default)]
pub(crate) struct Sightings(VecDeque<(CredentialId, PlaceId, Stamp)>);

/// Cards that rest on readers at the same time, at most: older ones are forgotten.
const MAX_SIGHTINGS: usize = 64;

impl Sightings {
    fn last(&self, tap: &Tap) -> Option<&Stamp> {
        self.0.iter().find(|(card, place, _)| *card == tap.credential && *place == tap.place).map(|(.., at)| at)
    }

    fn note(&mut self, tap: &Tap, at: Stamp) {
        self.0.retain(|(card, place, _)| *card != tap.credential || *place != tap.place);
        if self.0.len() == MAX_SIGHTINGS {
            self.0.pop_front();
        }
        self.0.push_back((tap.credential, tap.place.clone(), at));
    }
}

/// See [`School::without_record`].
pub(crate) fn without_record(school: &School, reader: &ReaderId, credential: CredentialId, proof: Proof) -> Picture {
    let Some(known) = school.roster.credential(credential) else { return Picture::CardRefused };
    let gate = school.site.place_of(reader).filter(|(_, place)| place.role == PlaceRole::Gate);
    let tap = gate.map(|(place, _)| Tap { place: place.clone(), reader: reader.clone(), credential, proof });
    if tap.as_ref().is_some_and(|tap| is_copy(school, tap)) {
        return Picture::CardRefused;
    }
    let goes_out = tap.as_ref().is_some_and(|tap| visitor::goes_out(school, &known.holder, tap));
    if unusable(known.status).is_some_and(|reason| reason != Reason::Expired || !goes_out) {
        return Picture::CardRefused;
    }
    if !goes_out && !school.policy().proofs.take_card(&known.holder, proof) {
        return Picture::WeakCard;
    }
    if tap.as_ref().is_some_and(|tap| gate::is_out(school, &tap.place)) {
        return Picture::GateClosed;
    }
    let passes = tap.is_some_and(|tap| match &known.holder {
        Holder::Student(id) => muster::is_on(school) || student::may_pass(school, id, &tap),
        Holder::Guardian(id) => guardian::may_pass(school, id, &tap),
        Holder::Staff(id) => staff::may_pass(school, id),
        holder @ Holder::Visitor(_) => visitor::may_pass(school, holder, &tap),
    });
    if passes { Picture::Degraded } else { Picture::SeeTeacher }
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
    let picture = if gate::waits(school, seq, &tap, &picture) { Picture::GateBusy } else { picture };
    let after = picture.promises().then_some(seq);
    school.act(after, Act::Show { place: tap.place, reader: tap.reader, picture });
}
