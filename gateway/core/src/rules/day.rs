//! The day: when it turns, and what its deadlines find.
//!
//! A day begins with the first input whose clock is set and says so. A clock that jumps is believed as far as nothing is
//! lost by it: if it turns back, the day goes on where it was.

use core::time::Duration;

use alloc::{collections::BTreeSet, vec::Vec};

use crate::{
    alarm::Alarm,
    entry::{Check, What},
    id::{SessionId, StudentId},
    roster::{Post, Session},
    rules::{
        agenda::{self, local, millis},
        closing, patrol,
    },
    school::School,
    state::Custodian,
    time::{Day, TimeOfDay, Wall},
    timer::{Timeout, Timer},
};

/// A clock that is put back over midnight by less than this does not bring the old day back.
const MIDNIGHT_SLACK: Duration = Duration::from_secs(600);

/// The next of the day's deadlines, or its turn.
pub(crate) fn next(school: &School) -> Option<Timeout> {
    let turn = || {
        let today = school.state.today().day.filter(|_| school.agenda.is_ready())?;
        Some(Timeout { at: agenda::mono_of(school, midnight_after(today))?, why: Timer::DayTurn })
    };
    agenda::next(school).into_iter().chain(turn()).min_by_key(|timeout| timeout.at)
}

/// Looks at every input's moment: is it another day?
pub(crate) fn look(school: &mut School) {
    if school.agenda.is_ready() && next_day(school).is_some() {
        turn(school);
    }
}

/// A new day of the calendar begins, or one goes on to which the clock has been put back.
pub(crate) fn turn(school: &mut School) {
    let Some(day) = next_day(school) else { return };
    let today = school.state.today().day;
    let jumped = today.is_some_and(|today| day < today || school.agenda.was_jumped_over(midnight_after(today)));
    if !jumped {
        school.agenda.forget_jump();
        closing::close_left_over(school, day);
        leave_unseen(school);
        end_alarms_of_the_day(school);
        leave_posts(school);
    }
    let kind = school.roster.day_kind(day.number());
    let sessions = u32::try_from(school.roster.sessions_on(day.number()).count()).unwrap_or(u32::MAX);
    school.record(What::DayBegan { day, kind, sessions });
    agenda::rebuild(school);
}

/// The day that it is now, if it is to begin.
fn next_day(school: &School) -> Option<Day> {
    let day = school.now.day().and_then(Day::from_number)?;
    let begins = match school.state.today().day {
        None => true,
        Some(today) if day < today => comes_back(school, day),
        Some(today) => day > today,
    };
    begins.then_some(day)
}

/// The clock was put back to an earlier day. That day goes on if it is remembered as it was; one that was lived through and is
/// over never begins again. One that never was, between days that were, is what a clock that went wrong for days leaves.
fn comes_back(school: &School, day: Day) -> bool {
    let state = &school.state;
    let well_before_midnight = school.now.wall.local_ms().saturating_add(millis(MIDNIGHT_SLACK)) < midnight_after(day);
    let goes_on = state.other_days().iter().any(|other| other.day == Some(day));
    well_before_midnight && (goes_on || !state.has_begun(day) && state.has_begun_before(day))
}

fn midnight_after(day: Day) -> i64 {
    local(day.number().saturating_add(1), TimeOfDay::MIDNIGHT)
}

/// Whoever came on an earlier day and was never seen to leave must have gone without a tap.
fn leave_unseen(school: &mut School) {
    let gone = school
        .state
        .presences()
        .filter(|(_, presence)| presence.custodian().is_some() && presence.since.is_of_an_earlier_day(&school.now));
    let mut gone: Vec<_> = gone.map(|(student, presence)| (student.clone(), presence.by)).collect();
    gone.sort_unstable();
    for (student, since) in gone {
        school.record(What::LeftUnseen { student, since });
    }
}

/// What was wrong on the day that is over can't be put right any more.
fn end_alarms_of_the_day(school: &mut School) {
    let of_the_day = |alarm: &&Alarm| {
        matches!(
            alarm,
            Alarm::StudentMissing { .. }
                | Alarm::LeftDuringSession { .. }
                | Alarm::NotFetched { .. }
                | Alarm::PatrolMissed { .. }
        )
    };
    end_all(school, of_the_day);
}

/// Ends every alarm of that sort.
pub(crate) fn end_all(school: &mut School, sort: impl Fn(&&Alarm) -> bool) {
    let alarms: Vec<Alarm> = school.state.alarms().keys().filter(sort).cloned().collect();
    alarms.iter().for_each(|alarm| school.end_alarm(alarm));
}

fn leave_posts(school: &mut School) {
    let earlier = |since: &crate::time::Stamp| since.is_of_an_earlier_day(&school.now);
    let held = school.state.posts().iter().filter(|(_, held)| earlier(&held.since));
    let held: Vec<_> = held.map(|(post, held)| (*post, held.staff.clone())).collect();
    for (post, staff) in held {
        school.record(What::PostLeft { post, staff });
    }
}

/// Looks at one deadline whose time has come. Alarms go first: if the power fails in between, it is looked at again, and
/// what is on is not raised twice.
pub(crate) fn check(school: &mut School, check: Check) {
    school.agenda.strike();
    let found = match &check {
        Check::Absence(session) => missing(school, session),
        Check::NotFetched { end, step } => not_fetched(school, *end, *step),
        Check::Patrol(patrol) => patrol::look(school, patrol),
        Check::Rota { post, from } => pass_post(school, *post, *from),
        Check::RotaOver { post } => end_post(school, *post),
    };
    school.record(What::Checked { check, found: u32::try_from(found).unwrap_or(u32::MAX) });
}

/// Who is expected in this session, has not come and has no leave. Nobody is said to be missing when the box did not see
/// people come, or when it is too late to look for them.
fn missing(school: &mut School, session: &SessionId) -> usize {
    let Some(session) = school.roster.session(session).cloned() else { return 0 };
    let (start, end) = span(school, &session);
    let watched = watched(school, start - millis(school.policy().early()), start);
    if !watched || school.now.wall.unix_ms() >= end {
        return 0;
    }
    let came = |student: &StudentId| {
        school.state.lessons().get(&session.id).is_some_and(|lesson| lesson.students.contains_key(student))
    };
    let expected: BTreeSet<&StudentId> = school.roster.expected_in(&session).collect();
    let missing = expected.into_iter().filter(|student| !came(student) && !is_excused(school, student, &session));
    let missing: Vec<StudentId> = missing.cloned().collect();
    for student in &missing {
        let (session, place) = (session.id.clone(), session.place.clone());
        school.raise(Alarm::StudentMissing { student: student.clone(), session, place }, None);
    }
    missing.len()
}

/// Whether a student has leave when a session starts, or when they would be missed.
pub(crate) fn is_excused(school: &School, student: &StudentId, session: &Session) -> bool {
    let day = session.day.number();
    let missed = u16::try_from(school.policy().absence_after().as_secs() / 60).unwrap_or(u16::MAX);
    let granted = || school.state.today().leaves.get(student).into_iter().flatten().filter(|_| is_today(school, day));
    [session.hours.from, session.hours.from.plus_minutes(missed)].into_iter().any(|time| {
        school.roster.leave_at(student, day, time).is_some() || granted().any(|leave| leave.hours.contain(time))
    })
}

fn is_today(school: &School, day: i64) -> bool {
    school.state.today().day.is_some_and(|today| today.number() == day)
}

/// From when to when a session is due, in milliseconds since 1970, at the offset that is in force.
pub(crate) fn span(school: &School, session: &Session) -> (i64, i64) {
    let moment = |time| Wall::on(session.day.number(), time, school.now.wall.offset_min()).unix_ms();
    (moment(session.hours.from), moment(session.hours.until))
}

/// Whether the box was at work from one moment to another, in milliseconds since 1970.
pub(crate) fn watched(school: &School, from_ms: i64, until_ms: i64) -> bool {
    school.state.clockwork().watch(&school.now).covers(from_ms, until_ms)
}

/// Those in the school's care whose last session ended then. The first time, extended care begins.
fn not_fetched(school: &mut School, end: TimeOfDay, step: u8) -> usize {
    let Some(day) = school.state.today().day.map(Day::number) else { return 0 };
    let ending = school.roster.sessions_on(day).filter(|session| session.hours.until == end);
    let candidates: BTreeSet<&StudentId> = ending.flat_map(|session| school.roster.expected_in(session)).collect();
    let here: Vec<StudentId> = candidates.into_iter().filter(|s| is_left_over(school, s, day, end)).cloned().collect();
    for student in &here {
        let cared_for = school.state.presence(student).and_then(|p| p.custodian()) == Some(&Custodian::ExtendedCare);
        if step == 1 && !cared_for {
            school.record(What::ExtendedCare { student: student.clone() });
        }
        school.raise(Alarm::NotFetched { student: student.clone(), step }, None);
    }
    here.len()
}

/// Whether a student is here in the school's care, with no session after that time: neither one of their own nor one that
/// they were let into.
fn is_left_over(school: &School, student: &StudentId, day: i64, end: TimeOfDay) -> bool {
    let Some(presence) = school.state.presence(student).filter(|presence| presence.in_care()) else { return false };
    let later = |session: &Session| session.hours.until > end;
    let sits_in = presence.session.as_ref().and_then(|id| school.roster.session(id));
    !sits_in.is_some_and(later) && !school.roster.timetable(student, day).any(later)
}

/// The post passes to whom the rota names, unless they or somebody in their place have taken it by their card.
fn pass_post(school: &mut School, post: Post, from: TimeOfDay) -> usize {
    let (Some(day), Some(time)) = (school.state.today().day.map(Day::number), school.now.time_of_day()) else {
        return 0;
    };
    let lines = || school.roster.rota_on(day).filter(|duty| duty.post == post && duty.hours.from == from);
    let named = |who: &crate::id::StaffId| lines().any(|duty| duty.staff == *who);
    let held = school.state.posts().get(&post).is_some_and(|held| named(&held.staff));
    let stands_in = school.state.posts().get(&post).is_some_and(|held| {
        let mut own =
            school.roster.rota_on(day).filter(|duty| duty.post == post && duty.staff == held.staff).peekable();
        own.peek().is_none() || own.any(|duty| duty.hours.until > from)
    });
    let stood_in = stands_in && school.state.today().stand_ins.get(&post).is_some_and(named);
    let Some(duty) = lines().last().filter(|duty| !held && !stood_in && duty.hours.contain(time)).cloned() else {
        return 0;
    };
    school.record(What::PostTaken { post, staff: duty.staff, instead_of: duty.instead_of, tap: None });
    1
}

/// Nobody follows on a post. Whoever has it keeps it while students are in its care: somebody has to answer for them.
fn end_post(school: &mut School, post: Post) -> usize {
    let cares = match post {
        Post::Gate => Some(Custodian::GateDuty),
        Post::ExtendedCare => Some(Custodian::ExtendedCare),
        Post::Leader => None,
    };
    let in_care = || school.state.presences().any(|(_, presence)| presence.custodian() == cares.as_ref());
    if cares.is_some() && in_care() {
        return 0;
    }
    let Some(staff) = school.state.posts().get(&post).map(|held| held.staff.clone()) else { return 0 };
    school.record(What::PostLeft { post, staff });
    1
}
