//! A pickup pass: one student, one day, one use.

use alloc::string::String;

use crate::{
    entry::{OrderFault, PassId},
    id::{PlaceId, ReaderId, StaffId},
    school::School,
    timer::Timeout,
};

/// The next typed code that will have found no student.
pub(crate) fn next(_school: &School) -> Option<Timeout> {
    None
}

/// A typed code has found no student.
pub(crate) fn code_lapsed(_school: &mut School, _place: &PlaceId) {}

/// A line of text was scanned.
pub(crate) fn scanned(_school: &mut School, _reader: ReaderId, _text: String) {}

/// Eight digits were typed.
pub(crate) fn typed(_school: &mut School, _reader: ReaderId, _digits: String) {}

/// Staff said that a pass is not to be taken any more.
pub(crate) fn revoke(_school: &mut School, _staff: StaffId, _pass: PassId) -> Result<(), OrderFault> {
    Err(OrderFault::NoSuch)
}
