//! A gate's door and beams: held open, forced, tailgating.

use crate::{id::PlaceId, school::School, site::Direction, timer::Timeout};

/// The next door that will have stood open for too long.
pub(crate) fn next(_school: &School) -> Option<Timeout> {
    None
}

/// A door has stood open for too long.
pub(crate) fn held(_school: &mut School, _place: &PlaceId) {}

/// A door opened or closed.
pub(crate) fn door(_school: &mut School, _place: PlaceId, _open: bool) {}

/// Somebody went through the beams.
pub(crate) fn passage(_school: &mut School, _place: PlaceId, _direction: Direction) {}

/// The exit button was pressed.
pub(crate) fn exit_request(_school: &mut School, _place: PlaceId) {}
