//! A sensor's line comes and goes.

use alloc::string::String;

use crate::{id::PlaceId, school::School, timer::Timeout};

/// The next line that will have been away for too long.
pub(crate) fn next(_school: &School) -> Option<Timeout> {
    None
}

/// A line has been away for too long.
pub(crate) fn lost(_school: &mut School, _place: PlaceId, _line: String) {}

/// A line is heard, or is not.
pub(crate) fn heard(_school: &mut School, _place: PlaceId, _line: String, _heard: bool) {}
