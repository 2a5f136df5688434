//! An emergency: everybody is to be accounted for.

use crate::{
    entry::{OrderFault, Tap},
    id::{PlaceId, StaffId},
    roster::Holder,
    school::School,
};

/// Somebody's tap at an assembly point.
pub(crate) fn at_assembly_point(school: &mut School, holder: Holder, tap: Tap) {
    super::tap::note(school, holder, tap);
}

/// Staff ordered a muster.
pub(crate) fn start(_school: &mut School, _staff: StaffId, _drill: bool) -> Result<(), OrderFault> {
    Err(OrderFault::NoSuch)
}

/// Staff said that somebody is accounted for.
pub(crate) fn mark_safe(_school: &mut School, _staff: StaffId, _holder: Holder) -> Result<(), OrderFault> {
    Err(OrderFault::NoSuch)
}

/// Staff ended the muster.
pub(crate) fn end(_school: &mut School, _staff: StaffId) -> Result<(), OrderFault> {
    Err(OrderFault::NoSuch)
}

/// The fire alarm's line.
pub(crate) fn fire_alarm(_school: &mut School, _on: bool) {}

/// A panic button was pressed.
pub(crate) fn panic(_school: &mut School, _place: PlaceId) {}
