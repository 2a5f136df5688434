//! What was wrong is put right by a new entry that names the old one.

use alloc::string::String;

use crate::{
    entry::{AttendanceStatus, Correction, Entry, OrderFault},
    id::{SessionId, StaffId, StudentId},
    school::School,
};

/// Staff said that an earlier entry is wrong.
pub(crate) fn correct(
    _school: &mut School,
    _staff: StaffId,
    _entry: &Entry,
    _to: Correction,
    _why: String,
) -> Result<(), OrderFault> {
    Err(OrderFault::NoSuch)
}

/// Staff said how a student took part in a session that the box did not watch.
pub(crate) fn report(
    _school: &mut School,
    _staff: StaffId,
    _who: (StudentId, SessionId),
    _status: AttendanceStatus,
    _minutes: u16,
) -> Result<(), OrderFault> {
    Err(OrderFault::NoSuch)
}
