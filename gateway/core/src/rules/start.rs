//! The gateway begins to work: what was so when it last ran may not be so any more.

use alloc::{string::String, vec::Vec};

use crate::{
    alarm::Alarm,
    entry::What,
    rules::{gate, muster, sensor},
    school::School,
};

/// Writes the start down, and ends the alarms that can't end by themselves: a slow ledger is that of the last run, so
/// is what was wrong with a reader (it is told again if it still is), and a reader that the configuration has no longer, or has elsewhere, can't come back.
pub(crate) fn begin(school: &mut School, version: String) {
    school.record(What::Started { version });
    school.contact.begin(school.now);
    let stale = |alarm: &&Alarm| match alarm {
        Alarm::LedgerSlow {} | Alarm::ReaderTrouble { .. } => true,
        Alarm::ReaderLost { reader, place } => school.site.readers.get(reader) != Some(place),
        Alarm::PlatformUnreached {} | Alarm::RosterOld {} => !school.site.has_platform,
        _ => false,
    };
    let stale: Vec<Alarm> = school.state.alarms().keys().filter(stale).cloned().collect();
    stale.iter().for_each(|alarm| school.end_alarm(alarm));
    let gone = school.state.readers_away().keys().filter(|reader| !school.site.readers.contains_key(*reader));
    for reader in gone.cloned().collect::<Vec<_>>() {
        school.record(What::ReaderUp { reader });
    }
    gate::begin(school);
    sensor::begin(school);
    muster::begin(school);
}
