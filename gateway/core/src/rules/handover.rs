//! Two members of staff at one reader: custody of a group passes.
//!
//! The first tap offers, the second within the window completes. Until then, and if nobody comes, whoever answered for the
//! group still does: an offer that waits for too long is an alarm, and it lapses when that has been on for a while.

use alloc::{collections::BTreeSet, vec::Vec};

use crate::{
    alarm::Alarm,
    entry::{OrderFault, Reason, Seq, Tap, What},
    id::{PlaceId, ReaderId, SessionId, StaffId, StudentId},
    picture::Picture,
    roster::{Holder, Post, Session, Staff, StaffRole},
    rules::{refusal, sessions, tap::show},
    school::School,
    state::Offer,
    timer::{Timeout, Timer},
};

/// The posts that carry custody of students.
const POSTS: [Post; 2] = [Post::Gate, Post::ExtendedCare];

/// What a member of staff answers for.
#[derive(Debug, Default)]
pub(crate) struct Group {
    students: Vec<StudentId>,
    sessions: Vec<SessionId>,
    posts: Vec<Post>,
}

impl Group {
    /// Everything that this member of staff answers for.
    pub(crate) fn of(school: &School, staff: &StaffId) -> Self {
        let state = &school.state;
        let theirs = |post: &Post| state.posts().get(post).is_some_and(|held| held.staff == *staff);
        Self {
            students: state.in_custody_of(staff).cloned().collect(),
            sessions: state.lessons().iter().filter(|(_, l)| l.has(staff)).map(|(id, _)| id.clone()).collect(),
            posts: POSTS.into_iter().filter(theirs).collect(),
        }
    }

    /// One session with the students for whom they answer; whoever has no other session has nothing to keep back.
    fn of_session(school: &School, staff: &StaffId, session: &SessionId) -> Self {
        let mut group = Self { posts: Vec::new(), ..Self::of(school, staff) };
        if group.sessions.len() > 1 {
            let in_it = |student: &StudentId| {
                school.state.presence(student).is_some_and(|p| p.session.as_ref() == Some(session))
            };
            group.students.retain(in_it);
        }
        group.sessions = alloc::vec![session.clone()];
        group
    }

    /// Whether they could go home: children, posts and lessons that are not over keep them.
    pub(crate) fn is_done(&self, school: &School) -> bool {
        let over = |session: &SessionId| sessions::is_over(school, session);
        self.students.is_empty() && self.posts.is_empty() && self.sessions.iter().all(over)
    }

    /// The sessions that they are in.
    pub(crate) fn into_sessions(self) -> Vec<SessionId> {
        self.sessions
    }

    /// Whether there are children or lessons among it: more than a post.
    pub(crate) fn brings_anybody(&self) -> bool {
        !self.students.is_empty() || !self.sessions.is_empty()
    }

    fn is_empty(&self) -> bool {
        self.students.is_empty() && self.sessions.is_empty() && self.posts.is_empty()
    }

    /// Those of the group who are not seen where it is handed over.
    ///
    /// Where a session of the group is held, a student is seen who is in it and has not shown up anywhere else since they
    /// came to it: who signed out, went to dinner or never came is missing. Anywhere else, at a desk or a gate, a student
    /// is seen who was last seen there, since the one who hands over answers for them.
    fn missing_at(&self, school: &School, place: &PlaceId) -> Vec<StudentId> {
        let held = |session: &&SessionId| {
            let lesson = school.state.lessons().get(*session);
            lesson.is_some_and(|lesson| lesson.place.as_ref() == Some(place))
        };
        let held_here: Vec<&SessionId> = self.sessions.iter().filter(held).collect();
        let is_seen = |student: &&StudentId| {
            let Some(presence) = school.state.presence(student) else { return false };
            let seen_here = presence.seen.place.as_ref() == Some(place);
            if held_here.is_empty() {
                return seen_here && presence.seen.by >= presence.by;
            }
            let session = presence.session.as_ref().filter(|session| held_here.contains(session));
            let lesson = session.and_then(|session| school.state.lessons().get(session));
            let stay = lesson.and_then(|lesson| lesson.students.get(*student));
            stay.is_some_and(|stay| seen_here || presence.seen.by <= stay.by)
        };
        self.students.iter().filter(|student| !is_seen(student)).cloned().collect()
    }
}

/// Completes the handover that waits at this reader for this member of staff. Says whether there was one.
pub(crate) fn complete(school: &mut School, tapper: &StaffId, tap: &Tap) -> bool {
    let window = school.policy().handover_window();
    let open = school.state.offers().get(&tap.reader).filter(|offer| school.within(&offer.at, window));
    let Some((from, to)) = open.and_then(|offer| sides(offer, tapper)) else { return false };
    let group = Group::of(school, &from);
    if receives_children(school, &group, tapper) {
        let (to, group) = (from, Group::of(school, tapper));
        if may_take_over(school, &to, &group).is_ok() {
            lapse_at(school, &tap.reader);
            hand_over(school, tapper, &to, group, tap.clone());
            return true;
        }
        return false;
    }
    if group.is_empty() {
        return false; // the last child has been fetched since
    }
    if let Err(reason) = may_take_over(school, &to, &group) {
        refusal::refuse(school, Some(Holder::Staff(tapper.clone())), tap.clone(), reason);
        return true;
    }
    hand_over(school, &from, &to, group, tap.clone());
    true
}

/// Whoever has extended care and nobody with them yet has come for the children that a colleague brings from the last
/// lesson: these pass to them, whoever taps first, and the post stays where it is.
fn receives_children(school: &School, offered: &Group, tapper: &StaffId) -> bool {
    offered.posts == [Post::ExtendedCare] && !offered.brings_anybody() && !Group::of(school, tapper).students.is_empty()
}

/// From whom to whom an offer would pass, with this tap as its other side.
fn sides(offer: &Offer, tapper: &StaffId) -> Option<(StaffId, StaffId)> {
    match &offer.to {
        Some(to) => (*tapper == offer.from).then(|| (offer.from.clone(), to.clone())),
        None => (*tapper != offer.from).then(|| (offer.from.clone(), tapper.clone())),
    }
}

/// Opens an offer, which waits for the other side at this reader. Nobody has two: an earlier one has come to nothing.
pub(crate) fn offer(school: &mut School, from: StaffId, to: Option<StaffId>, tap: Tap) {
    let earlier = school.state.offers().iter().filter(|(reader, open)| **reader == tap.reader || open.from == from);
    for earlier in earlier.map(|(_, open)| open.clone()).collect::<Vec<_>>() {
        lapse(school, &earlier);
    }
    let seq = school.record(What::HandoverOffered { from, to, tap: tap.clone() });
    show(school, seq, tap, Picture::HandoverWaits);
}

/// Offers what a member of staff leads to the one who has come for it, if they may have it.
pub(crate) fn ask_for(school: &mut School, from: StaffId, to: StaffId, tap: Tap) {
    match may_take_over(school, &to, &Group::of(school, &from)) {
        Ok(()) => offer(school, from, Some(to), tap),
        Err(reason) => refusal::refuse(school, Some(Holder::Staff(to)), tap, reason),
    }
}

/// At a desk, or anywhere without a session: who answers for somebody hands over, to whoever has just shown up here with
/// nothing to answer for, or to whoever comes next. Says whether the tap meant that.
pub(crate) fn meet(school: &mut School, tapper: &StaffId, tap: &Tap) -> bool {
    let group = Group::of(school, tapper);
    if group.is_empty() {
        return false;
    }
    match just_came(school, tapper, &group, &tap.place) {
        Some(to) => hand_over(school, tapper, &to, group, tap.clone()),
        None => offer(school, tapper.clone(), None, tap.clone()),
    }
    true
}

/// A colleague who showed up here within the window, and whose last tap meant nothing else than that: nothing by itself,
/// or that their post begins.
fn just_came(school: &School, tapper: &StaffId, group: &Group, place: &PlaceId) -> Option<StaffId> {
    let window = school.policy().handover_window();
    let recent = school.state.recent_taps_at(place).take_while(|tap| school.within(&tap.at, window));
    let mut staff = recent.filter_map(|tap| match school.roster.credential(tap.credential)?.holder {
        Holder::Staff(staff) => Some((staff, &tap.picture)),
        _ => None,
    });
    let (last, picture) = staff.find(|(who, _)| who != tapper && may_take_over(school, who, group).is_ok())?;
    matches!(picture, Picture::Noted | Picture::TakenUp).then_some(last)
}

/// A member of staff goes from a session. If they lead it and a colleague is in it, the colleague answers for it from
/// here; else whoever is in their custody stays so until somebody takes over.
pub(crate) fn leave_session(school: &mut School, staff: &StaffId, session: SessionId, tap: &Tap) -> (Seq, Picture) {
    let lesson = school.state.lessons().get(&session);
    let leads = lesson.and_then(|lesson| lesson.lead()).is_some_and(|lead| lead.staff == *staff);
    let mut there = lesson.into_iter().flat_map(|lesson| &lesson.staff).filter(|charge| charge.until.is_none());
    let colleague = there.find(|charge| charge.staff != *staff).map(|charge| charge.staff.clone());
    if let Some(colleague) = colleague.filter(|_| leads) {
        let group = Group::of_session(school, staff, &session);
        return pass(school, staff, &colleague, group, tap);
    }
    let left = What::SessionLeft { session, staff: staff.clone(), tap: tap.clone() };
    (school.record(left), Picture::CheckedOut)
}

fn hand_over(school: &mut School, from: &StaffId, to: &StaffId, group: Group, tap: Tap) {
    let (seq, picture) = pass(school, from, to, group, &tap);
    show(school, seq, tap, picture);
}

fn pass(school: &mut School, from: &StaffId, to: &StaffId, group: Group, tap: &Tap) -> (Seq, Picture) {
    let missing = group.missing_at(school, &tap.place);
    let count = |list: &[StudentId]| u16::try_from(list.len()).unwrap_or(u16::MAX);
    let picture = Picture::HandedOver { students: count(&group.students), missing: count(&missing) };
    (record(school, from, to, group, missing, Some(tap.clone())), picture)
}

/// Writes a handover down. With it whatever offer of theirs was open is complete.
fn record(
    school: &mut School,
    from: &StaffId,
    to: &StaffId,
    group: Group,
    missing: Vec<StudentId>,
    tap: Option<Tap>,
) -> Seq {
    let open = school.state.offers().values().find(|offer| offer.from == *from).cloned();
    let Group { students, sessions, posts } = group;
    let (from, to, offer) = (from.clone(), to.clone(), open.as_ref().map(|offer| offer.seq));
    let seq = school.record(What::HandedOver { from, to, students, missing, sessions, posts, offer, tap });
    if let Some(open) = open {
        school.end_alarm(&alarm(&open));
    }
    seq
}

/// Whether this member of staff may answer for such a group; the reason why not is for staff.
fn may_take_over(school: &School, who: &StaffId, group: &Group) -> Result<(), Reason> {
    let known = at_work(school, who)?;
    if is_of_the_school(known) {
        return Ok(());
    }
    // An instructor takes over a lesson that they may give, and nothing else.
    if group.sessions.is_empty() || !group.posts.is_empty() {
        return Err(Reason::NotForYou);
    }
    let mut sessions = group.sessions.iter().map(|id| school.roster.session(id).ok_or(Reason::NotForYou));
    sessions.try_for_each(|session| may_teach(school, who, session?))
}

/// Whether this member of staff may take up that session.
pub(crate) fn may_teach(school: &School, who: &StaffId, session: &Session) -> Result<(), Reason> {
    let known = at_work(school, who)?;
    let course = school.roster.course(&session.course);
    let gives_it =
        || known.institution.is_some() && course.and_then(|c| c.institution.as_ref()) == known.institution.as_ref();
    let instructs = known.is(StaffRole::Instructor) && (session.staff.contains(who) || gives_it());
    if is_of_the_school(known) || instructs { Ok(()) } else { Err(Reason::NotForYou) }
}

/// The school's own people for children; inspectors, security and IT are not.
fn is_of_the_school(known: &Staff) -> bool {
    [StaffRole::Teacher, StaffRole::DutyLeader, StaffRole::Principal].into_iter().any(|role| known.is(role))
}

/// Whether students may be in this person's custody at all.
pub(crate) fn takes_students(school: &School, who: &StaffId) -> bool {
    school.roster.staff(who).is_some_and(|known| is_of_the_school(known) || known.is(StaffRole::Instructor))
}

/// Somebody who works here today, for an institution that is admitted if for one at all. A clock that was never set can't
/// tell whether they work here today; the school's own people are not kept from duty.
pub(crate) fn at_work<'a>(school: &'a School, who: &StaffId) -> Result<&'a Staff, Reason> {
    let known = school.roster.staff(who).ok_or(Reason::NotForYou)?;
    if known.valid.covers(&school.now) == Some(false) {
        return Err(Reason::NotForYou);
    }
    if school.roster.is_admitted(known, &school.now) { Ok(known) } else { Err(Reason::NotAdmitted) }
}

/// Staff ordered at their screen that the group they answer for is handed over. They counted heads: whoever was not
/// counted is missing.
pub(crate) fn order(
    school: &mut School,
    from: StaffId,
    to: StaffId,
    present: Vec<StudentId>,
) -> Result<(), OrderFault> {
    if from == to {
        return Err(OrderFault::Senseless);
    }
    if school.roster.staff(&to).is_none() {
        return Err(OrderFault::UnknownPerson);
    }
    let group = Group::of(school, &from);
    if group.is_empty() {
        return Err(OrderFault::NoSuch);
    }
    let counted: BTreeSet<StudentId> = present.into_iter().collect();
    let own: BTreeSet<&StudentId> = group.students.iter().collect();
    if !counted.iter().all(|student| own.contains(student)) {
        return Err(OrderFault::NotInCustody);
    }
    may_take_over(school, &to, &group).map_err(|_| OrderFault::NotTheirRole)?;
    let missing = group.students.iter().filter(|student| !counted.contains(*student)).cloned().collect();
    record(school, &from, &to, group, missing, None);
    Ok(())
}

/// The next offer that will have waited for too long, or whose alarm will have been on for long enough.
pub(crate) fn next(school: &School) -> Option<Timeout> {
    let due = school.state.offers().values().map(|offer| {
        let at = match school.state.alarms().get(&alarm(offer)) {
            Some(on) => school.deadline(&on.last, school.policy().alarm_quiet()),
            None => school.deadline(&offer.at, school.policy().handover_incomplete()),
        };
        (at, offer.seq)
    });
    due.min().map(|(at, offer)| Timeout { at, why: Timer::HandoverIncomplete { offer } })
}

/// An offer has waited for too long: the duty leader is told, and the offer lapses when that has been on for a while; at
/// once if there is nothing left to hand over. Whoever answered for the group still does.
pub(crate) fn incomplete(school: &mut School, offer: Seq) {
    let Some(open) = school.state.offers().values().find(|open| open.seq == offer).cloned() else { return };
    let told = school.state.alarms().contains_key(&alarm(&open));
    if told || Group::of(school, &open.from).is_empty() {
        lapse(school, &open);
    } else {
        school.raise(alarm(&open), Some(offer));
    }
}

fn lapse_at(school: &mut School, reader: &ReaderId) {
    if let Some(open) = school.state.offers().get(reader).cloned() {
        lapse(school, &open);
    }
}

fn lapse(school: &mut School, offer: &Offer) {
    school.record(What::HandoverLapsed { offer: offer.seq });
    school.end_alarm(&alarm(offer));
}

fn alarm(offer: &Offer) -> Alarm {
    Alarm::HandoverIncomplete { from: offer.from.clone(), place: offer.place.clone() }
}
