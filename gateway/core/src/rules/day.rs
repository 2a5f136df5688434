//! The day's plan: when it turns, and the deadlines that come with it.

use crate::{entry::Check, school::School, timer::Timeout};

/// The next of the day's deadlines, or its turn.
pub(crate) fn next(_school: &School) -> Option<Timeout> {
    None
}

/// A new day of the calendar begins.
pub(crate) fn turn(_school: &mut School) {}

/// Looks at one deadline whose time has come.
pub(crate) fn check(_school: &mut School, _check: Check) {}
