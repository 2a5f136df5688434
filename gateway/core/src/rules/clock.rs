//! The clock was set late: what was written before gets its true time.

use crate::school::School;

/// Looks at every input's moment.
pub(crate) fn look(_school: &mut School) {}
