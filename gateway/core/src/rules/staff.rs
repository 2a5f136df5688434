//! A member of staff's tap: on and off the campus, taking up a session or a post, handing over.

use crate::{
    entry::{OrderFault, Tap},
    id::StaffId,
    roster::{Holder, Post},
    school::School,
    site::PlaceRole,
};

/// A member of staff's tap, by the place's role.
pub(crate) fn at(school: &mut School, staff: StaffId, tap: Tap, role: PlaceRole) {
    match role {
        PlaceRole::PatrolPoint => super::patrol::visit(school, staff, tap),
        PlaceRole::AssemblyPoint => super::muster::at_assembly_point(school, Holder::Staff(staff), tap),
        PlaceRole::Gate | PlaceRole::Classroom | PlaceRole::HandoverDesk | PlaceRole::Canteen => {
            super::tap::note(school, Holder::Staff(staff), tap);
        }
    }
}

/// Staff said that the post is theirs from now on.
pub(crate) fn take_post(_school: &mut School, _staff: StaffId, _post: Post) -> Result<(), OrderFault> {
    Err(OrderFault::NoSuch)
}
