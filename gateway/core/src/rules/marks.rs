//! How far the consumers have come, written down now and then.
//!
//! A consumer's cursor lives in a store that may be lost. The ledger itself tells often enough how far each one had come,
//! so that a lost store costs some repeats and never a replay of half a year. Marks are not news: a mark that only
//! follows other marks is not written, else two consumers would feed each other for ever.

use core::time::Duration;

use alloc::collections::BTreeMap;

use crate::{
    entry::{Consumer, Seq, What},
    school::School,
    time::Stamp,
    timer::{Timeout, Timer},
};

/// A mark is written at the latest after this many entries.
pub(crate) const MARK_EVERY_ENTRIES: u64 = 1_000;
/// A mark is written at the latest this long after there was something to mark.
pub(crate) const MARK_EVERY: Duration = Duration::from_secs(600);

/// What the receivers have acknowledged and the ledger does not say yet.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    through: BTreeMap<Consumer, Seq>,
    since: Option<Stamp>,
}

pub(crate) fn delivered(school: &mut School, consumer: Consumer, through: Seq) {
    school.marks.through.insert(consumer, through);
    let Some(news) = unmarked(school, consumer) else { return };
    if school.marks.since.is_none() {
        school.marks.since = Some(school.now);
    }
    if news.0 - school.state.delivered(consumer).0 >= MARK_EVERY_ENTRIES {
        school.record(What::Delivered { consumer, through: news });
    }
}

pub(crate) fn write_all(school: &mut School) {
    for consumer in Consumer::ALL {
        if let Some(through) = unmarked(school, consumer) {
            school.record(What::Delivered { consumer, through });
        }
    }
    school.marks.since = None;
}

pub(crate) fn timeout(school: &School) -> Option<Timeout> {
    let since = school.marks.since?;
    Some(school.timeout(&since, MARK_EVERY, Timer::DeliveryMark))
}

/// Whether a checkpoint of the first `size` entries says what no earlier one says: one that would cover nothing but marks
/// and checkpoints is not written, else each would call for the next.
pub(crate) fn is_checkpoint_wanted(school: &School, size: Seq) -> bool {
    let known = school.state.checkpointed();
    size <= school.state.last() && school.state.last_news().min(size) > known
}

/// How far the consumer has come with news, if the ledger does not say so yet.
fn unmarked(school: &School, consumer: Consumer) -> Option<Seq> {
    let through = school.marks.through.get(&consumer).copied()?.min(school.state.last_news());
    (through > school.state.delivered(consumer)).then_some(through)
}
