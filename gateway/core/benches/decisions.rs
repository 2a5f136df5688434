//! How many taps the core decides in a second, on one thread, with a school of 5,000 students. Ratios between versions
//! matter, not the figures: run it before and after a change.

#![allow(clippy::unwrap_used, missing_docs, reason = "a benchmark stops where it fails")]

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use schoolgate_core::{
    credential::{CredentialId, CredentialStatus},
    entry::Entry,
    id::{PlaceId, ReaderId, StudentId},
    roster::{CredentialLine, Document, Holder, Roster, SchoolLevel, StudentLine},
    school::{Input, School},
    site::{Place, PlaceRole, Site},
    text::Bilingual,
    time::{BootId, ClockQuality, Hours, Mono, Stamp, Wall},
};

const STUDENTS: u64 = 5_000;
/// Every student taps once in this time, so that no tap is a repeat.
const ROUND_MS: u64 = 10_000;

fn card(n: u64) -> CredentialId {
    CredentialId((u128::from(n) * 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_le_bytes())
}

fn roster() -> Roster {
    let all_day = Hours { from: "00:00".parse().unwrap(), until: "23:59".parse().unwrap() };
    let mut document = Document { v: 1, version: "bench".into(), ..Document::default() };
    for n in 0..STUDENTS {
        let id = StudentId::try_new(&format!("s{n:05}")).unwrap();
        document.credentials.push(CredentialLine {
            id: card(n),
            holder: Holder::Student(id.clone()),
            status: CredentialStatus::Active,
        });
        document.students.push(StudentLine {
            id,
            name: "x".into(),
            class: "1-1".into(),
            walks_home: Some(all_day),
            level: SchoolLevel::Primary,
            home_school: None,
        });
    }
    Roster::try_new(document).unwrap()
}

fn school() -> (School, ReaderId) {
    let (place, reader) = (PlaceId::try_new("gate").unwrap(), ReaderId::try_new("gate-in").unwrap());
    let mut site = Site::default();
    site.places.insert(place.clone(), Place { role: PlaceRole::Gate, name: Bilingual::default() });
    site.readers.insert(reader.clone(), place);
    let mut school = School::new(site);
    school.handle(stamp(0), Input::Roster { roster: Arc::new(roster()), digest: "bench".into() });
    (school, reader)
}

fn stamp(mono: u64) -> Stamp {
    let wall = Wall::new(1_788_000_000_000 + i64::try_from(mono % 3_600_000).unwrap(), 480);
    Stamp { wall, boot: BootId(1), mono: Mono(mono), clock: ClockQuality::Synchronised }
}

fn decisions(c: &mut Criterion) {
    let mut group = c.benchmark_group("core");
    group.throughput(Throughput::Elements(1));
    let (mut school, reader) = school();
    let mut n = 0;
    group.bench_function("tap_in_and_out", |b| {
        b.iter(|| {
            n += 1;
            let input =
                Input::Tap { reader: reader.clone(), credential: card(n % STUDENTS), proof: Default::default() };
            school.handle(stamp(n * ROUND_MS / STUDENTS), input);
            while let Some(entry) = school.poll_entry() {
                black_box(entry);
            }
            while let Some(action) = school.poll_action() {
                black_box(action);
            }
            black_box(school.poll_timeout());
        });
    });
    let (mut school, reader) = self::school();
    let input = Input::Tap { reader, credential: card(7), proof: Default::default() };
    school.handle(stamp(1), input);
    let entry = std::iter::from_fn(|| school.poll_entry()).last().unwrap();
    let bytes = entry.encode().unwrap();
    group.bench_function("entry_encode", |b| b.iter(|| black_box(&entry).encode().unwrap()));
    group.bench_function("entry_decode", |b| b.iter(|| Entry::decode(black_box(&bytes)).unwrap()));
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
