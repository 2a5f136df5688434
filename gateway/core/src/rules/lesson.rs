//! A student's tap at a classroom: in their session, late, in the wrong room, or not expected.

use crate::{
    entry::{OrderFault, Tap},
    id::{PlaceId, StaffId, StudentId},
    school::School,
};

/// A student's tap at a classroom.
pub(crate) fn student_at_classroom(school: &mut School, student: StudentId, tap: Tap) {
    super::tap::note(school, crate::roster::Holder::Student(student), tap);
}

/// Staff said that a student is in the session held at this place now.
pub(crate) fn order_check_in(
    _school: &mut School,
    _staff: StaffId,
    _student: StudentId,
    _place: PlaceId,
) -> Result<(), OrderFault> {
    Err(OrderFault::NoSuch)
}
