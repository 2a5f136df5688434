//! Approved leave: what it permits at this moment. Without a set clock no hours can be read, and nothing is permitted.

use crate::{id::StudentId, school::School};

/// Whether the student may leave early now, alone or fetched.
pub(crate) fn has_leave(school: &School, student: &StudentId) -> bool {
    leaves_now(school, student).next().is_some()
}

/// Whether a leave lets the student go alone now.
pub(crate) fn may_leave_alone(school: &School, student: &StudentId) -> bool {
    leaves_now(school, student).any(|alone| alone)
}

/// Whether the student may go alone now: they walk home at these hours, or their leave says so.
pub(crate) fn may_go_alone(school: &School, student: &StudentId) -> bool {
    let hours = school.roster.student(student).and_then(|s| s.walks_home);
    let walks_home = hours.zip(school.now.time_of_day()).is_some_and(|(hours, time)| hours.contain(time));
    walks_home || leaves_now(school, student).any(|alone| alone)
}

/// Of each leave that holds now, on the roster or approved by staff today: whether they may go alone.
fn leaves_now<'a>(school: &'a School, student: &'a StudentId) -> impl Iterator<Item = bool> + use<'a> {
    let now = school.now.day().zip(school.now.time_of_day());
    now.into_iter().flat_map(move |(day, time)| {
        let rostered = school.roster.leaves_at(student, day, time).map(|leave| leave.alone);
        let granted = school.state.today().leaves.get(student).into_iter().flatten();
        rostered.chain(granted.filter(move |leave| leave.hours.contain(time)).map(|leave| leave.alone))
    })
}
