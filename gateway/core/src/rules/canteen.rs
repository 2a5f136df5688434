//! Dinner is given out: once, and only if booked.

use crate::{entry::Tap, id::StudentId, school::School};

/// A student's tap at the canteen.
pub(crate) fn dine(school: &mut School, student: StudentId, tap: Tap) {
    super::tap::note(school, crate::roster::Holder::Student(student), tap);
}
