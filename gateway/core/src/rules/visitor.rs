//! A visitor's tap: in and out, with a purpose.

use crate::{entry::Tap, id::VisitorId, roster::Holder, school::School, site::PlaceRole};

/// A visitor's tap.
pub(crate) fn at(school: &mut School, visitor: VisitorId, tap: Tap, _role: PlaceRole) {
    super::tap::note(school, Holder::Visitor(visitor), tap);
}
