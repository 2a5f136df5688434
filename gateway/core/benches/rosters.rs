//! What a roster costs: time to read, check and build it; bytes for each student, of the roster and of the whole school
//! once everybody has come; taps a second, and the questions that the rules ask. Run it with
//! `cargo bench -p schoolgate-core --bench rosters`; other sizes: `-- 5000 56000`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark prints, and stops where it fails"
)]
#![allow(unsafe_code, reason = "an allocator that counts can't be written without")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use schoolgate_core::{
    credential::{CredentialId, CredentialStatus},
    id::{CourseId, GuardianId, GuardianToken, PlaceId, ReaderId, SessionId, StaffId, StudentId},
    roster::{
        Authorisation, CourseLine, CredentialLine, Document, EnrolmentLine, GuardianLine, Holder, Roster, SchoolLevel,
        SessionLine, StaffLine, StaffRole, StudentLine, Validity,
    },
    school::{Input, School},
    site::{Place, PlaceRole, Site},
    text::Bilingual,
    time::{BootId, ClockQuality, Day, Hours, Mono, Stamp, Wall},
};

const SIZES: [usize; 2] = [5_000, 250_000];
/// One course for so many students, with a session on each of so many days.
const STUDENTS_PER_COURSE: usize = 50;
const DAYS: i64 = 100;
const TAPS: usize = 200_000;

/// Counts what is in use, as it was asked for, and the most there ever was.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
static BLOCKS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: hands everything on to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(IN_USE.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        BLOCKS.fetch_add(1, Relaxed);
        // SAFETY: the caller keeps the system allocator's own rules.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        BLOCKS.fetch_sub(1, Relaxed);
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    let sizes: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    for students in if sizes.is_empty() { SIZES.to_vec() } else { sizes } {
        measure(students);
    }
}

fn measure(students: usize) {
    let text = serde_json::to_vec(&document(students)).unwrap();
    println!(
        "{students} students, {} courses, {} sessions: {} MB of JSON",
        courses(students),
        courses(students) * DAYS as usize,
        text.len() / 1_000_000
    );
    let before = usage();
    PEAK.store(before.0, Relaxed);
    let (parsed, document) = timed(|| serde_json::from_slice::<Document>(&text).unwrap());
    let (built, roster) = timed(|| Roster::try_new(document).unwrap());
    let (bytes, blocks) = usage();
    println!("  load            {:>9.0?}: parse {parsed:.0?}, check and build {built:.0?}", parsed + built);
    println!("  most at once    {:>9} MB beside the JSON", (PEAK.load(Relaxed) - before.0) / 1_000_000);
    println!("  roster          {:>9} B a student in {} blocks", (bytes - before.0) / students, blocks - before.1);
    drop(text);
    questions(students, &roster);
    taps(students, roster);
}

/// What the rules ask again and again.
fn questions(students: usize, roster: &Roster) {
    let day = first_day() + 3;
    let ids: Vec<StudentId> = (0..1_000).map(|n| student(n * students / 1_000)).collect();
    let (took, sessions) = timed(|| ids.iter().map(|id| roster.timetable(black_box(id), day).count()).sum::<usize>());
    println!("  timetable       {:>9.0?} a student ({sessions} sessions for 1000)", took / 1_000);
    let today: Vec<_> = roster.sessions_on(day).collect();
    let (took, expected) = timed(|| today.iter().map(|session| roster.expected_in(session).count()).sum::<usize>());
    println!("  expected_in     {:>9.0?} a session of {}", took / today.len() as u32, expected / today.len());
}

/// Everybody comes, then taps go on at both ends of the day.
fn taps(students: usize, roster: Roster) {
    let (place, reader) = (PlaceId::try_new("gate").unwrap(), ReaderId::try_new("gate-in").unwrap());
    let mut site = Site::default();
    site.places.insert(place.clone(), Place { role: PlaceRole::Gate, name: Bilingual::default() });
    site.readers.insert(reader.clone(), place);
    let mut school = School::new(site);
    let roster_bytes = {
        let all = usage().0;
        let copy = roster.clone();
        let bytes = usage().0 - all;
        drop(copy);
        bytes
    };
    let bare = usage().0 - roster_bytes;
    school.handle(stamp(0), Input::Roster { roster: Arc::new(roster), digest: "bench".into() });
    let mut mono = 0;
    let mut tap = |school: &mut School, n: usize| {
        mono += 1;
        let credential = card(3 * (n % students));
        school.handle(stamp(mono), Input::Tap { reader: reader.clone(), credential, proof: Default::default() });
        while let Some(entry) = school.poll_entry() {
            black_box(entry);
        }
        while let Some(action) = school.poll_action() {
            black_box(action);
        }
        black_box(school.poll_timeout());
    };
    // A stride that meets everybody once, and not in the order of their lines.
    let stride = 7_919;
    let (took, ()) = timed(|| (0..students).for_each(|n| tap(&mut school, n * stride)));
    println!("  arrivals        {:>9.0} a second", students as f64 / took.as_secs_f64());
    assert_eq!(school.state().on_campus(), students);
    println!("  school          {:>9} B a student, roster and state", (usage().0 - bare) / students);
    let (took, ()) = timed(|| (0..TAPS).for_each(|n| tap(&mut school, n * stride)));
    println!("  out and in      {:>9.0} a second", TAPS as f64 / took.as_secs_f64());
}

fn usage() -> (usize, usize) {
    (IN_USE.load(Relaxed), BLOCKS.load(Relaxed))
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let done = work();
    (began.elapsed(), done)
}

/// Every moment of the bench is on one evening: a millisecond a tap.
fn stamp(mono: u64) -> Stamp {
    let wall = Wall::new(1_788_000_000_000 + i64::try_from(mono % 3_600_000).unwrap(), 480);
    Stamp { wall, boot: BootId(1), mono: Mono(mono), clock: ClockQuality::Synchronised }
}

fn first_day() -> i64 {
    "2026-09-07".parse::<Day>().unwrap().number()
}

fn courses(students: usize) -> usize {
    (students / STUDENTS_PER_COURSE).max(2)
}

fn student(n: usize) -> StudentId {
    StudentId::try_new(&format!("s{n:06}")).unwrap()
}

fn card(n: usize) -> CredentialId {
    CredentialId((n as u128 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835).to_le_bytes())
}

fn document(students: usize) -> Document {
    let mut document = Document { v: 1, version: "bench".into(), ..Document::default() };
    for n in 0..students {
        add_family(n, students, &mut document);
    }
    for n in 0..courses(students) {
        add_course(n, &mut document);
    }
    document
}

/// A student, two guardians, three cards, two courses on different weekdays' hours.
fn add_family(n: usize, students: usize, document: &mut Document) {
    let child = student(n);
    let all_day = Hours { from: "00:00".parse().unwrap(), until: "23:59".parse().unwrap() };
    document.students.push(StudentLine {
        id: child.clone(),
        name: "王小明".into(),
        class: format!("三年级{}班", n % 40),
        walks_home: Some(all_day),
        level: SchoolLevel::Primary,
        home_school: None,
    });
    let active = |n, holder| CredentialLine { id: card(n), holder, status: CredentialStatus::Active };
    document.credentials.push(active(3 * n, Holder::Student(child.clone())));
    for (m, (zh, en)) in [("母亲", "mother"), ("外公", "grandfather")].into_iter().enumerate() {
        let id = GuardianId::try_new(&format!("g{:06}", 2 * n + m)).unwrap();
        let token = GuardianToken::try_new(&format!("{:022x}", (2 * n + m) as u128 * 0x9E37_79B9_7F4A)).unwrap();
        document.guardians.push(GuardianLine { id: id.clone(), name: "李秀英".into(), token });
        document.credentials.push(active(3 * n + 1 + m, Holder::Guardian(id.clone())));
        let valid = Validity { from: "2026-09-01".parse().ok(), until: "2027-01-20".parse().ok() };
        let relation = Bilingual { zh: zh.into(), en: en.into() };
        document.authorisations.push(Authorisation { student: child.clone(), guardian: id, relation, valid });
    }
    // Courses with odd and even numbers meet at different hours.
    let own = n % courses(students);
    for course in [own, (own + 1) % courses(students)] {
        let course = CourseId::try_new(&format!("course-{course}")).unwrap();
        document.enrolments.push(EnrolmentLine { student: child.clone(), course, valid: Validity::ALWAYS });
    }
}

fn add_course(n: usize, document: &mut Document) {
    let (course, staff) =
        (CourseId::try_new(&format!("course-{n}")).unwrap(), StaffId::try_new(&format!("t{n:05}")).unwrap());
    document.staff.push(StaffLine {
        id: staff.clone(),
        name: "张老师".into(),
        roles: vec![StaffRole::Teacher],
        institution: None,
        home_school: None,
        valid: Validity::ALWAYS,
    });
    document.courses.push(CourseLine { id: course.clone(), name: "围棋".into(), institution: None });
    let (from, until) = if n.is_multiple_of(2) { ("16:30", "17:30") } else { ("17:40", "18:40") };
    let hours = Hours { from: from.parse().unwrap(), until: until.parse().unwrap() };
    for day in (0..DAYS).map(|d| first_day() + 7 * (d / 5) + d % 5).filter_map(Day::from_number) {
        document.sessions.push(SessionLine {
            id: SessionId::try_new(&format!("c{n}-{day}")).unwrap(),
            course: course.clone(),
            day,
            hours,
            place: PlaceId::try_new(&format!("room-{n}")).unwrap(),
            staff: vec![staff.clone()],
        });
    }
}
