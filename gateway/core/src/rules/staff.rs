//! A member of staff's tap: on and off the campus, taking up a session or a post, handing over.

use alloc::string::ToString;

use crate::{
    entry::{OrderFault, Seq, Tap, What},
    id::{SessionId, StaffId},
    picture::Picture,
    roster::{Duty, Holder, Post, Session, StaffRole},
    rules::{
        handover::{self, Group, at_work, takes_students},
        muster, patrol, refusal, sessions,
        tap::{note, show},
    },
    school::School,
    site::{Direction, PlaceRole},
};

/// What an inspector comes for.
const INSPECTION: &str = "inspection";

/// A member of staff's tap, by the place's role.
pub(crate) fn at(school: &mut School, staff: StaffId, tap: Tap, role: PlaceRole) {
    match role {
        PlaceRole::PatrolPoint => patrol::visit(school, staff, tap),
        PlaceRole::AssemblyPoint => muster::at_assembly_point(school, Holder::Staff(staff), tap),
        PlaceRole::Gate => at_gate(school, staff, tap),
        PlaceRole::Classroom | PlaceRole::HandoverDesk | PlaceRole::Canteen => inside(school, staff, tap, role),
    }
}

/// At the border of the campus: in, out, and the post at the gates. Whoever has no business here is not let in; nobody is
/// kept in.
fn at_gate(school: &mut School, staff: StaffId, tap: Tap) {
    let direction = school.site.direction(&tap.reader);
    let enters = direction.map_or_else(|| !is_on_campus(school, &staff), |way| way == Direction::In);
    let at_work = at_work(school, &staff).map(|_| ());
    if enters {
        if let Err(reason) = at_work {
            return refusal::refuse(school, Some(Holder::Staff(staff)), tap, reason);
        }
        let came = come(school, &staff, &tap);
        school.let_through(came, &tap.place, Some(Direction::In));
        if !takes_up_duty(school, &staff, &tap) {
            show(school, came, tap, Picture::Welcome);
        }
    } else if at_work.is_err() || direction == Some(Direction::Out) || !takes_up_duty(school, &staff, &tap) {
        go(school, staff, tap);
    }
}

/// The post at the gates is theirs by the rota, or its holder waits here to be relieved. Says whether the tap meant that.
fn takes_up_duty(school: &mut School, staff: &StaffId, tap: &Tap) -> bool {
    // Many pass a gate within a minute of one who waits to be relieved: only who has a duty today can be meant.
    if has_duty_today(school, staff) && handover::complete(school, staff, tap) {
        return true;
    }
    begins_post(school, staff, Post::Gate, tap)
}

/// The post is theirs by the rota, which may have given it to them already, and this is the first tap by which they say
/// so, too. Without it their coming would be taken for an offer to hand over. Says whether the tap meant that.
fn begins_post(school: &mut School, staff: &StaffId, post: Post, tap: &Tap) -> bool {
    let Some(duty) = duty_now(school, post).filter(|duty| duty.staff == *staff) else { return false };
    if school.state.posts().get(&post).is_some_and(|held| held.staff != *staff || held.tapped) {
        return false; // they have begun, and may have handed it over since
    }
    let instead_of = duty.instead_of.clone();
    let seq = school.record(What::PostTaken { post, staff: staff.clone(), instead_of, tap: Some(tap.clone()) });
    show(school, seq, tap.clone(), Picture::TakenUp);
    true
}

/// Where there is no lesson, at a desk or in an empty room: extended care begins, unless they bring somebody whom they
/// have to hand over first.
fn away_from_lessons(school: &mut School, staff: &StaffId, tap: &Tap) -> bool {
    if handover::complete(school, staff, tap) {
        return true;
    }
    let brings = Group::of(school, staff).brings_anybody();
    !brings && begins_post(school, staff, Post::ExtendedCare, tap) || handover::meet(school, staff, tap)
}

/// Off the campus. Whoever answers for students is to hand them over first; a second tap lets them out all the same, and
/// the offer stands, which becomes an alarm.
fn go(school: &mut School, staff: StaffId, tap: Tap) {
    let offered = school.state.offers().get(&tap.reader).is_some_and(|open| open.from == staff);
    let group = Group::of(school, &staff);
    if !offered && !group.is_done(school) {
        return handover::offer(school, staff, None, tap);
    }
    for session in group.into_sessions() {
        handover::leave_session(school, &staff, session, &tap); // their hours end here
    }
    let seq = school.record(What::Went { holder: Holder::Staff(staff), tap: tap.clone() });
    school.let_through(seq, &tap.place, Some(Direction::Out));
    show(school, seq, tap, Picture::Goodbye);
}

fn come(school: &mut School, staff: &StaffId, tap: &Tap) -> Seq {
    let inspects = school.roster.staff(staff).is_some_and(|known| known.is(StaffRole::Inspector));
    let purpose = inspects.then(|| INSPECTION.to_string());
    school.record(What::Came { holder: Holder::Staff(staff.clone()), purpose, tap: tap.clone() })
}

/// Whoever did not tap on the way out yesterday comes again today.
fn is_on_campus(school: &School, staff: &StaffId) -> bool {
    let sighting = school.state.others().get(&Holder::Staff(staff.clone()));
    sighting.is_some_and(|seen| !seen.at.is_of_an_earlier_day(&school.now))
}

/// Whether this person's tap at a gate would let them through.
pub(crate) fn may_pass(school: &School, staff: &StaffId) -> bool {
    is_on_campus(school, staff) || at_work(school, staff).is_ok()
}

/// On the campus. Whoever shows up here has come, tapped or not.
fn inside(school: &mut School, staff: StaffId, tap: Tap, role: PlaceRole) {
    if let Err(reason) = at_work(school, &staff) {
        return refusal::refuse(school, Some(Holder::Staff(staff)), tap, reason);
    }
    if !is_on_campus(school, &staff) {
        come(school, &staff, &tap);
    }
    let meant = match role {
        _ if !takes_students(school, &staff) => false,
        PlaceRole::Classroom => at_classroom(school, &staff, &tap),
        PlaceRole::HandoverDesk => away_from_lessons(school, &staff, &tap),
        _ => false,
    };
    if !meant {
        note(school, Holder::Staff(staff), tap);
    }
}

/// Says whether the tap meant anything.
fn at_classroom(school: &mut School, staff: &StaffId, tap: &Tap) -> bool {
    if handover::complete(school, staff, tap) {
        return true;
    }
    let is_in = |id: &SessionId| school.state.lessons().get(id).is_some_and(|lesson| lesson.has(staff));
    let own = sessions::due_at(school, &tap.place).find(|s| s.staff.contains(staff) && !is_in(&s.id)).cloned();
    if let Some(session) = own {
        take_up(school, session, staff, tap);
        return true;
    }
    if let Some(session) = sessions::of_staff_at(school, staff, &tap.place).cloned() {
        step_out(school, session, staff, tap);
        return true;
    }
    let held = sessions::held_at(school, &tap.place).cloned();
    let unled = held.filter(|s| school.state.lessons().get(&s.id).is_none_or(|lesson| lesson.lead().is_none()));
    if let Some(session) = unled {
        take_up(school, session, staff, tap);
        return true;
    }
    if let Some((_, lead)) = sessions::lead_at(school, &tap.place) {
        handover::ask_for(school, lead, staff.clone(), tap.clone());
        return true;
    }
    away_from_lessons(school, staff, tap)
}

/// The first to take a session up answers for its students; whoever follows, being listed for it, gives their hours to it.
fn take_up(school: &mut School, session: Session, staff: &StaffId, tap: &Tap) {
    if let Err(reason) = handover::may_teach(school, staff, &session) {
        return refusal::refuse(school, Some(Holder::Staff(staff.clone())), tap.clone(), reason);
    }
    let instead_of = if session.staff.contains(staff) { None } else { session.staff.first().cloned() };
    let Session { id: session, course, .. } = session;
    let seq = school.record(What::SessionTaken { session, course, staff: staff.clone(), instead_of, tap: tap.clone() });
    show(school, seq, tap.clone(), Picture::TakenUp);
}

/// Somebody who is in the session: goes if it is over, to a colleague who stays if there is one; else offers it.
fn step_out(school: &mut School, session: SessionId, staff: &StaffId, tap: &Tap) {
    if !sessions::is_over(school, &session) && !others_begin(school, &session, staff, tap) {
        return handover::offer(school, staff.clone(), None, tap.clone());
    }
    let (seq, picture) = handover::leave_session(school, staff, session, tap);
    show(school, seq, tap.clone(), picture);
}

/// Another session has begun in this room, with somebody else.
fn others_begin(school: &School, session: &SessionId, staff: &StaffId, tap: &Tap) -> bool {
    let led_by_another = |id: &SessionId| {
        let lead = school.state.lessons().get(id).and_then(|lesson| lesson.lead());
        lead.is_some_and(|lead| lead.staff != *staff)
    };
    sessions::due_at(school, &tap.place).any(|other| {
        let theirs = other.staff.contains(staff);
        other.id != *session && (led_by_another(&other.id) || !theirs && sessions::is_running(school, other))
    })
}

/// Staff said that the post is theirs from now on.
pub(crate) fn take_post(school: &mut School, staff: StaffId, post: Post) -> Result<(), OrderFault> {
    if holds(school, &staff, post) {
        return Ok(()); // it is theirs already
    }
    let instead_of = duty_now(school, post).and_then(|duty| {
        let by_rota = (duty.staff != staff).then(|| duty.staff.clone());
        by_rota.or_else(|| duty.instead_of.clone())
    });
    school.record(What::PostTaken { post, staff, instead_of, tap: None });
    Ok(())
}

fn holds(school: &School, staff: &StaffId, post: Post) -> bool {
    school.state.posts().get(&post).is_some_and(|held| held.staff == *staff)
}

/// Who has that post by the rota now; nobody if the clock can't tell.
fn duty_now(school: &School, post: Post) -> Option<&Duty> {
    school.roster.on_rota(post, school.now.day()?, school.now.time_of_day()?)
}

fn has_duty_today(school: &School, staff: &StaffId) -> bool {
    let mut today = school.now.day().into_iter().flat_map(|day| school.roster.rota_on(day));
    today.any(|duty| duty.staff == *staff) || school.state.posts().values().any(|held| held.staff == *staff)
}
