//! Custody of one student passes out of the school: completed by staff, or allowed early.

use crate::{
    entry::OrderFault,
    id::{StaffId, StudentId},
    school::School,
    time::Hours,
};

/// Staff confirmed that the student is handed to whoever has come for them.
pub(crate) fn confirm(_school: &mut School, _by: StaffId, _student: StudentId) -> Result<(), OrderFault> {
    Err(OrderFault::NoSuch)
}

/// Staff approved that the student leaves early today.
pub(crate) fn approve_leave(
    _school: &mut School,
    _by: StaffId,
    _student: StudentId,
    _hours: Hours,
    _alone: bool,
) -> Result<(), OrderFault> {
    Err(OrderFault::NoSuch)
}
