//! Dinner is given out: once, and only if booked.

use crate::{
    entry::{Reason, Tap, What},
    id::StudentId,
    picture::Picture,
    roster::Holder,
    rules::{refusal, student, tap::show},
    school::School,
};

/// A student's tap at the canteen. Whoever shows up here is on campus.
pub(crate) fn dine(school: &mut School, student: StudentId, tap: Tap) {
    student::show_up(school, &student, &tap);
    if let Err(reason) = may_dine(school, &student) {
        return refusal::refuse(school, Some(Holder::Student(student)), tap, reason);
    }
    let seq = school.record(What::Dined { student, tap: tap.clone() });
    show(school, seq, tap, Picture::Dinner);
}

/// With an unset clock, neither the day nor the hour can be told, and a child who ever has dinner here may be hungry:
/// they are fed unless it is known that they were fed today. Who never has dinner here is not, clock or no clock.
fn may_dine(school: &School, student: &StudentId) -> Result<(), Reason> {
    let booked = match school.now.day() {
        Some(day) => school.roster.dinner_booked(student, day),
        None => school.roster.has_dinners(student),
    };
    if !booked {
        return Err(Reason::NoDinnerBooked);
    }
    let of_today = |at| school.now.is_same_day(at);
    if school.state.today().dined.get(student).is_some_and(of_today) {
        return Err(Reason::DinnerTaken);
    }
    let hours = school.policy().dinner_hours.zip(school.now.time_of_day());
    if hours.is_some_and(|(hours, time)| !hours.contain(time)) { Err(Reason::NotDinnerTime) } else { Ok(()) }
}
