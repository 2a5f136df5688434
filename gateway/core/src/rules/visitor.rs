//! A visitor's tap: in and out, with a purpose.

use alloc::string::String;

use crate::{
    entry::{Reason, Tap, What},
    id::VisitorId,
    picture::Picture,
    roster::{Holder, Validity},
    rules::{
        gate, muster, refusal,
        tap::{note, show},
    },
    school::School,
    site::{Direction, PlaceRole},
};

/// A visitor's tap, by the place's role.
pub(crate) fn at(school: &mut School, visitor: VisitorId, tap: Tap, role: PlaceRole) {
    match role {
        PlaceRole::Gate => at_gate(school, visitor, tap),
        PlaceRole::AssemblyPoint => muster::at_assembly_point(school, Holder::Visitor(visitor), tap),
        _ => note(school, Holder::Visitor(visitor), tap),
    }
}

/// In, if their pass is good now; out always.
fn at_gate(school: &mut School, visitor: VisitorId, tap: Tap) {
    let holder = Holder::Visitor(visitor);
    if goes_out(school, &holder, &tap) {
        let seq = school.record(What::Went { holder, tap: tap.clone() });
        school.let_through(seq, &tap.place, Some(Direction::Out));
        return show(school, seq, tap, Picture::Goodbye);
    }
    let entry = if gate::is_locked(school, &tap.place) { Err(Reason::GateLocked) } else { may_enter(school, &holder) };
    match entry {
        Ok(purpose) => {
            let seq = school.record(What::Came { holder, purpose: Some(purpose), tap: tap.clone() });
            school.let_through(seq, &tap.place, Some(Direction::In));
            show(school, seq, tap, Picture::Welcome);
        }
        Err(reason) => refusal::refuse(school, Some(holder), tap, reason),
    }
}

/// Whether a tap at this gate would let the visitor through.
pub(crate) fn may_pass(school: &School, holder: &Holder, tap: &Tap) -> bool {
    goes_out(school, holder, tap) || !gate::is_locked(school, &tap.place) && may_enter(school, holder).is_ok()
}

/// Whether it is a visitor on the way out: nothing keeps them in, not even a card whose time is over. The reader is believed. One that leads both ways means exit for who came today; who came earlier has gone home since.
pub(crate) fn goes_out(school: &School, holder: &Holder, tap: &Tap) -> bool {
    if !matches!(holder, Holder::Visitor(_)) {
        return false;
    }
    match school.site.direction(&tap.reader) {
        Some(direction) => direction == Direction::Out,
        None => school.state.others().get(holder).is_some_and(|seen| !seen.at.is_of_an_earlier_day(&school.now)),
    }
}

/// What they come for, if their pass is good now. Days and hours that an unset clock can't tell let nobody in: a stranger
/// is no family, and the duty teacher can see to them. Their time over is told from their time not come yet: the one is a
/// card that should have been handed back, the other somebody who is early.
fn may_enter(school: &School, holder: &Holder) -> Result<String, Reason> {
    let Holder::Visitor(id) = holder else { return Err(Reason::NotForYou) };
    let pass = school.roster.visitor(id).ok_or(Reason::NotForYou)?;
    let dated = pass.valid != Validity::ALWAYS || pass.hours.is_some();
    let Some((day, time)) = school.now.day().zip(school.now.time_of_day()) else {
        return if dated { Err(Reason::NotForYou) } else { Ok(pass.purpose.clone()) };
    };
    let early = pass.valid.from.is_some_and(|from| day < from.number());
    if early || pass.valid.covers_day(day) && pass.hours.is_some_and(|hours| time < hours.from) {
        return Err(Reason::NotForYou);
    }
    let good = pass.valid.covers_day(day) && pass.hours.is_none_or(|hours| hours.contain(time));
    if good { Ok(pass.purpose.clone()) } else { Err(Reason::Expired) }
}
