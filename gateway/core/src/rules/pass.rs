//! A pickup pass: one student, one day, one use. It calls its student as a guardian's card does; the student's tap
//! completes the release, or the student waits already.
//!
//! A code of eight digits can be guessed. It is therefore tried only against those who stand where it was typed: those who
//! wait there, or whoever taps there while it is kept. Wrong ones are counted, and too many close the place to codes.

use core::time::Duration;

use alloc::{
    collections::{BTreeMap, VecDeque},
    string::String,
    vec::Vec,
};

use crate::{
    alarm::Alarm,
    credential::CredentialId,
    entry::{CallEnd, OrderFault, PassFault, PassId, Reason, Recipient, Seq, Tap, What},
    id::{PlaceId, ReaderId, StaffId, StudentId},
    pass::{Code, MAX_SERIALS, Pass, Presented, credential, credential_of_text},
    picture::Picture,
    roster::Holder,
    rules::{
        gate,
        guardian::may_fetch,
        refusal,
        student::{self, Standing},
        tap::{show, show_again},
    },
    school::School,
    site::PlaceRole,
    state::Caller,
    time::{Day, Stamp},
    timer::{Timeout, Timer},
};

/// Wrong codes within this time count together, and a place that had too many takes none for as long.
const WRONG_CODES_WITHIN: Duration = Duration::from_secs(15 * 60);
/// Most codes that are kept at one place; one more, and the oldest counts as a wrong try.
const MAX_TYPED: usize = 4;
/// A code is tried against so many who wait at the place, the last to come first. Whoever waits longer taps once more.
const MAX_WAITING: usize = 32;
/// A code is tried for so many of a student's guardians.
const MAX_GUARDIANS: usize = 16;

/// Codes that were typed and have found no student yet. No part of the state: a code must not come into the ledger, and
/// after a restart it is typed again.
#[derive(Debug, Default)]
pub(crate) struct TypedCodes(BTreeMap<PlaceId, VecDeque<Typed>>);

#[derive(Debug)]
struct Typed {
    code: Code,
    reader: ReaderId,
    at: Stamp,
}

impl TypedCodes {
    /// Keeps a code; the oldest one, if there are too many. Typed again, it is kept for longer.
    fn keep(&mut self, place: PlaceId, typed: Typed) -> Option<Typed> {
        let kept = self.0.entry(place).or_default();
        kept.retain(|other| other.code != typed.code);
        kept.push_back(typed);
        if kept.len() > MAX_TYPED { kept.pop_front() } else { None }
    }

    fn take(&mut self, place: &PlaceId, fits: impl Fn(&Typed) -> bool) -> Option<Typed> {
        let kept = self.0.get_mut(place)?;
        let at = kept.iter().position(fits)?;
        let taken = kept.remove(at);
        if kept.is_empty() {
            self.0.remove(place);
        }
        taken
    }
}

/// A line of text was scanned.
pub(crate) fn scanned(school: &mut School, reader: ReaderId, text: String) {
    let Some((place, role)) = stand(school, &reader) else { return };
    let read = if calls_are_taken_at(role) { check(school, &text) } else { Err(Reason::NotForYou) };
    // Only a pass that was signed is that pass: else a forgery could hide behind a good one's repeated tap.
    let credential = read.as_ref().map_or_else(|_| credential_of_text(&text), Pass::credential);
    let tap = Tap { place, reader, credential };
    if show_again(school, &tap) {
        return;
    }
    if gate::is_out(school, &tap.place) {
        return refusal::refuse(school, None, tap, Reason::OutOfService);
    }
    match read {
        Ok(pass) => match holds(school, &pass).and_then(|()| usable(school, &pass.id)) {
            Ok(()) => call(school, pass.id, tap),
            Err(reason) => refusal::refuse(school, giver(&pass.id), tap, reason),
        },
        Err(reason) => refusal::refuse(school, None, tap, reason),
    }
}

/// Eight digits were typed.
pub(crate) fn typed(school: &mut School, reader: ReaderId, digits: String) {
    let Some((place, role)) = stand(school, &reader) else { return };
    let nobodys = Tap { place: place.clone(), reader: reader.clone(), credential: nobodys_code() };
    if gate::is_out(school, &place) {
        return refusal::refuse(school, None, nobodys, Reason::OutOfService);
    }
    let code = match readable_code(school, &place, role, &digits) {
        Ok(code) => code,
        Err(reason) => return refusal::refuse(school, None, nobodys, reason),
    };
    match who_waits_for(school, &place, code) {
        Some(pass) => {
            let tap = Tap { credential: pass_credential(school, &pass), ..nobodys };
            match usable(school, &pass) {
                Ok(()) => call(school, pass, tap),
                Err(reason) => refusal::refuse(school, giver(&pass), tap, reason),
            }
        }
        None => {
            let typed = Typed { code, reader, at: school.now };
            if let Some(oldest) = school.codes.keep(place.clone(), typed) {
                wrong_try(school, place, oldest);
            }
            let seq = school.state.last();
            show(school, seq, nobodys, Picture::Wait);
        }
    }
}

/// A student has made themselves known at this place, or staff have named them: a code that was typed there, or anywhere
/// if no place is given, may be meant for them. If one is, the student is called.
pub(crate) fn match_typed(school: &mut School, student: &StudentId, place: Option<&PlaceId>) {
    let places: Vec<PlaceId> = match place {
        Some(place) => school.codes.0.get_key_value(place).map(|(place, _)| place.clone()).into_iter().collect(),
        None => school.codes.0.keys().cloned().collect(),
    };
    if places.is_empty() || !matches!(student::standing(school, student), Standing::Here) {
        return;
    }
    let passes = passes_of(school, student);
    for place in places {
        for (code, pass) in &passes {
            let Some(typed) = school.codes.take(&place, |typed| typed.code == *code) else { continue };
            let tap = Tap { place: place.clone(), reader: typed.reader, credential: pass_credential(school, pass) };
            match usable(school, pass) {
                Ok(()) => {
                    show_pass(school, pass.clone(), tap);
                }
                Err(reason) => note_refusal(school, giver(pass), tap, reason),
            }
        }
    }
}

/// Staff said that a pass is not to be taken any more.
pub(crate) fn revoke(school: &mut School, staff: StaffId, pass: PassId) -> Result<(), OrderFault> {
    if school.roster.student(&pass.student).is_none() || school.roster.guardian(&pass.guardian).is_none() {
        return Err(OrderFault::UnknownPerson);
    }
    if school.now.day().is_some_and(|today| pass.day.number() < today) {
        return Err(OrderFault::Senseless);
    }
    if school.state.today().used_passes.contains(&pass) {
        return Err(OrderFault::NoSuch);
    }
    if !school.state.today().revoked_passes.contains(&pass) {
        school.record(What::PassRevoked { pass: pass.clone(), by: Some(staff) });
    }
    end_calls(school, &pass, CallEnd::Revoked);
    Ok(())
}

/// Whether the platform or staff have revoked this pass.
pub(crate) fn is_revoked(school: &School, pass: &PassId) -> bool {
    school.roster.is_pass_revoked(pass) || school.state.today().revoked_passes.contains(pass)
}

/// The next typed code that will have found no student. Codes at a place lapse in the order in which they were typed.
pub(crate) fn next(school: &School) -> Option<Timeout> {
    let window = school.policy().release_window();
    let oldest = school.codes.0.iter().filter_map(|(place, kept)| Some((place, kept.front()?)));
    oldest
        .map(|(place, typed)| (school.deadline(&typed.at, window), place))
        .min()
        .map(|(at, place)| Timeout { at, why: Timer::CodeLapsed { place: place.clone() } })
}

/// A typed code has found no student.
pub(crate) fn code_lapsed(school: &mut School, place: &PlaceId) {
    if let Some(typed) = school.codes.take(place, |_| true) {
        wrong_try(school, place.clone(), typed);
    }
}

fn stand(school: &School, reader: &ReaderId) -> Option<(PlaceId, PlaceRole)> {
    school.site.place_of(reader).map(|(id, place)| (id.clone(), place.role))
}

fn calls_are_taken_at(role: PlaceRole) -> bool {
    matches!(role, PlaceRole::Gate | PlaceRole::HandoverDesk)
}

/// A pass is its giver's credential, handed on.
fn giver(pass: &PassId) -> Option<Holder> {
    Some(Holder::Guardian(pass.guardian.clone()))
}

/// The text is a pass, and one that the platform has signed.
fn check(school: &School, text: &str) -> Result<Pass, Reason> {
    let presented = Presented::read(text).map_err(|_| Reason::Pass(PassFault::Unreadable))?;
    let public = school.roster.pass_key(presented.key().as_str()).ok_or(Reason::Pass(PassFault::Forged))?;
    presented.verify(public).map_err(|_| Reason::Pass(PassFault::Forged))
}

/// The pass is for this school, and for now.
fn holds(school: &School, pass: &Pass) -> Result<(), Reason> {
    let fault = if school.site.school.as_ref() != Some(&pass.school) {
        PassFault::OtherSchool
    } else {
        match school.now.day().zip(school.now.time_of_day()) {
            None => PassFault::ClockUnset,
            Some((today, time)) if pass.id.day.number() == today && pass.hours.contain(time) => return Ok(()),
            Some(_) => PassFault::Expired,
        }
    };
    Err(Reason::Pass(fault))
}

/// A pass of today that may be used now: neither used nor revoked, and whoever gave it may fetch the student.
fn usable(school: &School, pass: &PassId) -> Result<(), Reason> {
    if school.state.today().used_passes.contains(pass) {
        return Err(Reason::Pass(PassFault::Used));
    }
    if is_revoked(school, pass) {
        return Err(Reason::Pass(PassFault::Revoked));
    }
    may_fetch(school, &pass.student, &pass.guardian).map_err(|reason| match reason {
        Reason::OutsideHours => Reason::OutsideHours,
        _ => Reason::Pass(PassFault::GiverMayNot),
    })
}

/// A good pass: its student is called, or taken at once if they wait here.
fn call(school: &mut School, pass: PassId, tap: Tap) {
    let student = pass.student.clone();
    if !matches!(student::standing(school, &student), Standing::Here) {
        return refusal::refuse(school, giver(&pass), tap, Reason::NobodyToFetch);
    }
    let waiting = student::waiting_at(school, &student, &tap.place);
    let seq = show_pass(school, pass.clone(), tap.clone());
    if waiting.is_none() {
        return show(school, seq, tap, Picture::Called);
    }
    let seq = student::hand_out(school, student, Recipient::Delegate(pass), tap.clone(), waiting, None);
    let picture = student::handed_picture(school, &tap.place);
    show(school, seq, tap, picture);
}

/// Shown again while its call is open, the pass calls anew.
fn show_pass(school: &mut School, pass: PassId, tap: Tap) -> Seq {
    end_calls(school, &pass, CallEnd::Renewed);
    school.record(What::PassShown { pass, tap })
}

fn end_calls(school: &mut School, pass: &PassId, why: CallEnd) {
    let theirs = |caller: &Caller| matches!(caller, Caller::Delegate(shown) if **shown == *pass);
    let open = school.state.calls().iter().filter(|(_, call)| theirs(&call.caller));
    for call in open.map(|(seq, _)| *seq).collect::<Vec<Seq>>() {
        school.end_call(call, why);
    }
}

fn readable_code(school: &School, place: &PlaceId, role: PlaceRole, digits: &str) -> Result<Code, Reason> {
    if !calls_are_taken_at(role) {
        return Err(Reason::NotForYou);
    }
    if !school.now.clock.is_set() {
        return Err(Reason::Pass(PassFault::ClockUnset));
    }
    if is_closed_to_codes(school, place) {
        return Err(Reason::Pass(PassFault::TooManyTries));
    }
    // Without the school's secret no code can be right.
    let has_secret = school.site.pass_secret.is_some() && school.site.school.is_some();
    Code::read(digits).filter(|_| has_secret).ok_or(Reason::Pass(PassFault::WrongCode))
}

/// So many wrong tries as policy allows came within a quarter of an hour, and the last is not as long ago.
fn is_closed_to_codes(school: &School, place: &PlaceId) -> bool {
    let allowed = usize::from(school.policy().wrong_codes);
    let mut latest = school.state.wrong_codes(place).rev();
    let Some(last) = latest.next() else { return false };
    let first = if allowed <= 1 { Some(last) } else { latest.nth(allowed - 2) };
    let together = first.and_then(|first| first.elapsed(last)).is_some_and(|apart| apart < WRONG_CODES_WITHIN);
    together && school.within(last, WRONG_CODES_WITHIN)
}

/// The pass with this code for a student who waits here. If it fits two of them it is nobody's: the student's tap tells.
fn who_waits_for(school: &School, place: &PlaceId, code: Code) -> Option<PassId> {
    let window = school.policy().release_window();
    // Over all students: a code is typed by hand, while taps never come this way.
    let waiting = school.state.presences().filter_map(|(student, presence)| {
        let waiting = presence.waiting.as_ref().filter(|w| w.tap.place == *place && school.within(&w.at, window))?;
        matches!(student::standing(school, student), Standing::Here).then_some((waiting.by, student))
    });
    let mut waiting: Vec<_> = waiting.collect();
    waiting.sort_unstable_by(|a, b| b.cmp(a));
    waiting.truncate(MAX_WAITING);
    let passes = waiting.iter().filter_map(|(_, student)| {
        let fits = |(other, pass): (Code, PassId)| (other == code).then_some(pass);
        passes_of(school, student).into_iter().find_map(fits)
    });
    let mut passes = passes.take(2);
    let first = passes.next();
    if passes.next().is_some() { None } else { first }
}

/// Every code that a pass of today for this student can have.
fn passes_of(school: &School, student: &StudentId) -> Vec<(Code, PassId)> {
    let (Some(secret), Some(id)) = (&school.site.pass_secret, &school.site.school) else { return Vec::new() };
    let Some(day) = school.now.day().and_then(Day::from_number) else { return Vec::new() };
    let mut passes = Vec::new();
    for link in school.roster.links(student).take(MAX_GUARDIANS) {
        for serial in 0..MAX_SERIALS {
            let pass = PassId { student: student.clone(), day, serial, guardian: link.guardian.clone() };
            passes.push((secret.code(id, &pass), pass));
        }
    }
    passes
}

/// Counted by the entry. Whoever typed it may be long gone: nothing is shown.
fn wrong_try(school: &mut School, place: PlaceId, typed: Typed) {
    let tap = Tap { place, reader: typed.reader, credential: nobodys_code() };
    note_refusal(school, None, tap, Reason::Pass(PassFault::WrongCode));
}

fn note_refusal(school: &mut School, holder: Option<Holder>, tap: Tap, reason: Reason) {
    let alarm = Alarm::of_refusal(holder.as_ref(), &tap, &reason);
    let seq = school.record(What::Refused { holder, tap, reason });
    if let Some(alarm) = alarm {
        school.raise(alarm, Some(seq));
    }
}

/// The ledger must not tell a code, nor anything that it could be found from: all wrong ones look the same.
fn nobodys_code() -> CredentialId {
    credential_of_text("a code")
}

fn pass_credential(school: &School, pass: &PassId) -> CredentialId {
    school.site.school.as_ref().map_or_else(nobodys_code, |id| credential(id, pass))
}
