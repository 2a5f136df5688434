//! What must be so after every step, whatever people, cables and clocks do. Looks at entries alone, and at the roster's
//! document, never at what the core made of either.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schoolgate_core::{
    action::Act,
    alarm::Alarm,
    entry::{AttendanceStatus, Check, Entry, OpenCause, Recipient, Seq, What},
    id::{GuardianId, SessionId, StaffId, StudentId},
    roster::{Document, Validity},
    state::{Custodian, State},
    time::Day,
};

/// What has been seen of the ledger so far.
#[derive(Default)]
pub struct Watcher {
    on_campus: BTreeMap<StudentId, Seq>,
    released: HashMap<StudentId, (Seq, Recipient)>,
    alarms: BTreeMap<Alarm, Seq>,
    attendance: HashMap<(StudentId, SessionId), (Seq, AttendanceStatus)>,
    consumed: BTreeSet<(StudentId, SessionId)>,
    closed: BTreeSet<SessionId>,
    charged: BTreeSet<StaffId>,
    day: Option<Day>,
    checks: BTreeSet<(Option<Day>, Check)>,
    /// The entry that started it, and whether it is an exercise.
    muster: Option<(Seq, bool)>,
    pub releases: u64,
    pub attendances: u64,
    pub consumptions: u64,
    recalling: bool,
}

impl Watcher {
    /// Looks at the next entry; `document` is the roster in force.
    pub fn look(&mut self, entry: &Entry, document: &Document) {
        match &entry.what {
            What::DayBegan { day, .. } => {
                // A clock that was put back begins a day again; what was looked at then stays looked at.
                self.day = Some(*day);
            }
            What::Checked { check, .. } => {
                assert!(self.checks.insert((self.day, check.clone())), "looked at twice: {entry:?}");
            }
            What::Arrived { student, .. } => {
                self.on_campus.insert(student.clone(), entry.seq);
                self.released.remove(student);
            }
            // Staff may check a child in who came in without a tap.
            What::CheckedIn { student, tap: None, .. } => {
                self.on_campus.entry(student.clone()).or_insert(entry.seq);
            }
            What::LeftUnseen { student, .. } => {
                assert!(self.on_campus.remove(student).is_some(), "{entry:?}");
                self.released.remove(student);
            }
            What::Released { student, to, .. } => self.release(entry, student, to, document),
            What::Left { student, released, .. } => {
                let (by, _) = self.released.remove(student).expect("nobody leaves without a release");
                assert_eq!(by, *released, "{entry:?}");
                assert!(self.on_campus.remove(student).is_some(), "only who is here can leave: {entry:?}");
            }
            What::AlarmRaised { alarm, .. } => {
                let before = self.alarms.insert(alarm.clone(), entry.seq);
                assert_eq!(before, None, "raised once: {entry:?}");
            }
            What::AlarmEnded { alarm, raised } => {
                assert_eq!(self.alarms.remove(alarm), Some(*raised), "ended once: {entry:?}");
            }
            What::SessionTaken { staff, .. } | What::PostTaken { staff, .. } => {
                self.charged.insert(staff.clone());
            }
            What::HandedOver { from, to, .. } => {
                assert!(self.charged.contains(from), "{entry:?}");
                self.charged.insert(to.clone());
            }
            What::SessionClosed { session, .. } => {
                assert!(self.closed.insert(session.clone()), "closed once: {entry:?}");
            }
            What::Attendance { student, session, status, .. } => {
                assert!(self.closed.contains(session), "{entry:?}");
                let key = (student.clone(), session.clone());
                assert!(self.attendance.insert(key, (entry.seq, *status)).is_none(), "counted once: {entry:?}");
                self.attendances += 1;
            }
            What::Consumption { student, session, attendance, .. } => {
                let key = (student.clone(), session.clone());
                let (seq, status) = self.attendance.get(&key).expect("every consumption has its attendance");
                assert_eq!(seq, attendance, "{entry:?}");
                assert!(!matches!(status, AttendanceStatus::Absent | AttendanceStatus::Excused), "{entry:?}");
                assert!(self.consumed.insert(key), "counted once: {entry:?}");
                self.consumptions += 1;
            }
            What::MusterStarted { drill, .. } => {
                let before = self.muster.replace((entry.seq, *drill));
                assert!(
                    before.is_none_or(|(_, drill)| drill),
                    "one at a time, but for a drill that turns earnest: {entry:?}"
                );
            }
            What::MusterEnded { muster, .. } => {
                assert_eq!(self.muster.take().map(|(by, _)| by), Some(*muster), "{entry:?}");
            }
            What::GateOpened { cause: OpenCause::Forced, .. } => {
                assert!(!self.is_emergency(), "a gate that stands open is not forced: {entry:?}");
            }
            _ => {}
        }
    }

    /// Looks at an entry of before again: what was permitted then may be so no more.
    pub fn recall(&mut self, entry: &Entry) {
        self.recalling = true;
        self.look(entry, &Document::default());
        self.recalling = false;
    }

    fn release(&mut self, entry: &Entry, student: &StudentId, to: &Recipient, document: &Document) {
        assert!(self.on_campus.contains_key(student), "only who is here can be released: {entry:?}");
        self.released.insert(student.clone(), (entry.seq, to.clone()));
        self.releases += 1;
        let Some(day) = entry.at.day().filter(|_| !self.recalling) else { return };
        match to {
            Recipient::Guardian(guardian) => self.authorised(entry, student, guardian, document, day),
            Recipient::Delegate(pass) => self.authorised(entry, student, &pass.guardian, document, day),
            Recipient::Alone => {}
        }
    }

    fn authorised(&self, entry: &Entry, student: &StudentId, guardian: &GuardianId, document: &Document, day: i64) {
        let covers = |valid: &Validity| {
            valid.from.is_none_or(|from| from.number() <= day) && valid.until.is_none_or(|until| day <= until.number())
        };
        let mut links = document.authorisations.iter().filter(|a| a.student == *student && a.guardian == *guardian);
        assert!(links.any(|link| covers(&link.valid)), "not authorised: {entry:?}");
        let mut orders = document.restrictions.iter().filter(|r| r.student == *student && r.guardian == *guardian);
        assert!(!orders.any(|order| covers(&order.valid)), "restricted: {entry:?}");
    }

    /// What the core holds now agrees with what the entries told.
    pub fn agree(&self, state: &State) {
        assert_eq!(state.on_campus(), self.on_campus.len());
        let alarms: BTreeMap<Alarm, Seq> =
            state.alarms().iter().map(|(alarm, on)| (alarm.clone(), on.raised)).collect();
        assert_eq!(alarms, self.alarms);
        assert_eq!(state.muster().map(|muster| (muster.by, muster.drill)), self.muster);
        for (student, presence) in state.presences() {
            let here = presence.custodian();
            assert_eq!(here.is_some(), self.on_campus.contains_key(student), "{student}: {presence:?}");
            match here {
                Some(Custodian::Staff(staff)) => assert!(self.charged.contains(staff), "{student}: {presence:?}"),
                Some(Custodian::Guardian(_) | Custodian::Delegate(_) | Custodian::Alone) => {
                    assert!(self.released.contains_key(student), "{student}: {presence:?}");
                    assert!(presence.calls.is_empty() && presence.waiting.is_none(), "{student}: {presence:?}");
                }
                _ => {}
            }
            assert!(presence.calls.iter().all(|call| state.calls().contains_key(call)), "{student}: {presence:?}");
            if let Some(session) = &presence.session {
                let stay = state.lessons().get(session).and_then(|lesson| lesson.students.get(student));
                assert!(stay.is_some_and(|stay| stay.until.is_none()), "{student}: {presence:?}");
            }
        }
    }

    /// While there is a muster the gates stand open; when it ends they are gates again.
    pub fn act(&self, act: &Act) {
        if let Act::Free { on } = act {
            assert_eq!(*on, self.is_emergency(), "gates stand open in an emergency and only then");
        }
    }

    fn is_emergency(&self) -> bool {
        self.muster.is_some() || self.alarms.contains_key(&Alarm::Fire {})
    }

    /// When everything is over.
    pub fn sums(&self) -> (u64, u64, u64) {
        (self.releases, self.attendances, self.consumptions)
    }
}
