//! The clock was set late, or has jumped.

use crate::{
    entry::What,
    rules::{agenda, day},
    school::School,
    state::CLOCK_JUMP,
    time::Stamp,
};

/// Looks at every input's moment; `before` is the one before it.
pub(crate) fn look(school: &mut School, before: &Stamp) {
    give_true_time(school);
    notice_jump(school, before);
    day::look(school);
}

/// What was written before the clock was set gets its true time.
fn give_true_time(school: &mut School) {
    let Some(span) = school.state.clockwork().unset.as_ref().filter(|span| span.boot == school.now.boot) else {
        return;
    };
    let Some(wall) = span.at.seen_from(&school.now).filter(|_| school.now.clock.is_set()) else { return };
    let offset_ms = wall.unix_ms().saturating_sub(span.at.wall.unix_ms());
    let first = span.first;
    school.record(What::ClockSet { first, offset_ms });
}

fn notice_jump(school: &mut School, before: &Stamp) {
    let moved = before.clock_moved(&school.now);
    if moved.unsigned_abs() > agenda::millis(CLOCK_JUMP).unsigned_abs() {
        let to = school.now.wall.local_ms();
        school.agenda.clock_jumped(to, moved);
        agenda::rebuild(school);
    }
}
