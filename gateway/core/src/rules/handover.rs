//! Two members of staff at one reader: custody of a group passes.

use alloc::vec::Vec;

use crate::{
    entry::{OrderFault, Seq},
    id::{StaffId, StudentId},
    school::School,
    timer::Timeout,
};

/// The next offer that will have waited for too long.
pub(crate) fn next(_school: &School) -> Option<Timeout> {
    None
}

/// Staff ordered that the group they answer for is handed over.
pub(crate) fn order(
    _school: &mut School,
    _from: StaffId,
    _to: StaffId,
    _present: Vec<StudentId>,
) -> Result<(), OrderFault> {
    Err(OrderFault::NoSuch)
}

/// An offer has waited for too long.
pub(crate) fn incomplete(_school: &mut School, _offer: Seq) {}
