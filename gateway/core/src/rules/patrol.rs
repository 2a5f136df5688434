//! The safety patrol visits its points.

use crate::{entry::Tap, id::StaffId, school::School};

/// A member of staff at a patrol point.
pub(crate) fn visit(school: &mut School, staff: StaffId, tap: Tap) {
    super::tap::note(school, crate::roster::Holder::Staff(staff), tap);
}
