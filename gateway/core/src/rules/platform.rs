//! The platform and the roster that comes from it: how long away, how old.

use crate::{school::School, timer::Timeout};

/// When the platform will have been away, or the roster in force, for too long.
pub(crate) fn next(_school: &School) -> Option<Timeout> {
    None
}

/// The platform was reached.
pub(crate) fn reached(_school: &mut School) {}

/// The platform says that the roster in force is the right one.
pub(crate) fn roster_confirmed(_school: &mut School) {}

/// The platform has been away for too long.
pub(crate) fn unreached(_school: &mut School) {}

/// The roster is too old.
pub(crate) fn roster_old(_school: &mut School) {}
