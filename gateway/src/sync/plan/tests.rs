use proptest::prelude::*;

use super::*;

const TIMING: Timing = Timing {
    gather: Duration::from_millis(200),
    backoff_first: Duration::from_secs(1),
    backoff_longest: Duration::from_secs(300),
    held_retry: Duration::from_secs(300),
    connect: Duration::from_secs(10),
    request: Duration::from_secs(60),
};
const LIMITS: BatchLimits = BatchLimits { entries: 10, bytes: 1000 };

fn plan(cursor: u64) -> Plan {
    Plan::new(cursor, TIMING, LIMITS)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn send(from: u64) -> Step {
    Step::Send { from, limits: LIMITS }
}

fn sent(from: u64, entries: usize, at: Duration) -> Sent {
    Sent { from, entries, at }
}

fn failure(trouble: Trouble) -> Answer {
    trouble.into()
}

fn unreachable() -> Answer {
    failure(Trouble::Unreachable("refused".to_owned()))
}

fn refused(code: &str) -> Answer {
    failure(Trouble::Refused { code: code.to_owned(), detail: String::new() })
}

#[test]
fn the_first_entry_goes_at_once_and_those_that_follow_gather() {
    let mut plan = plan(0);
    assert_eq!(plan.next(ms(0), 0), Step::Wait { until: None, for_entries: true });
    assert_eq!(plan.next(ms(5000), 1), send(1));
    plan.answered(ms(5020), 1, sent(1, 1, ms(5000)), Answer::Acknowledged(1), 0);

    assert_eq!(plan.next(ms(5020), 1), Step::Wait { until: None, for_entries: true });
    assert_eq!(plan.next(ms(5050), 2), Step::Wait { until: Some(ms(5200)), for_entries: false });
    assert_eq!(plan.next(ms(5200), 4), send(2));
}

#[test]
fn a_full_batch_does_not_wait_for_more() {
    let mut plan = plan(0);
    plan.answered(ms(20), 10, sent(1, 10, ms(0)), Answer::Acknowledged(10), 0);
    assert_eq!(plan.next(ms(20), 20), send(11));
}

#[test]
fn only_an_acknowledgement_moves_the_cursor() {
    let mut plan = plan(5);
    for answer in [unreachable(), refused("chain_broken"), failure(Trouble::Busy { status: 503 })] {
        plan.answered(ms(0), 9, sent(6, 4, ms(0)), answer, 0);
        assert_eq!(plan.cursor(), 5);
    }
    plan.answered(ms(0), 9, sent(6, 4, ms(0)), Answer::Acknowledged(9), 0);
    assert_eq!(plan.cursor(), 9);
    assert_eq!(plan.trouble(), None);
}

#[test]
fn waits_double_to_the_longest_and_are_drawn_from_the_whole_range() {
    let mut plan = plan(0);
    let mut longest = Vec::new();
    for _ in 0..12 {
        plan.answered(ms(0), 1, sent(1, 1, ms(0)), unreachable(), u64::MAX);
        longest.push(plan.next_try().unwrap().as_secs());
    }
    assert_eq!(longest, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    plan.answered(ms(0), 1, sent(1, 1, ms(0)), unreachable(), u64::MAX / 2);
    assert_eq!(plan.next_try().unwrap().as_secs(), 149);
    plan.answered(ms(0), 1, sent(1, 1, ms(0)), unreachable(), 0);
    assert_eq!(plan.next_try().unwrap(), ms(0));
}

#[test]
fn new_entries_do_not_end_a_wait_after_a_failure() {
    let mut plan = plan(0);
    plan.answered(ms(0), 1, sent(1, 1, ms(0)), unreachable(), u64::MAX);
    assert_eq!(plan.next(ms(999), 5000), Step::Wait { until: Some(ms(1000)), for_entries: false });
    assert_eq!(plan.next(ms(1000), 5000), send(1));
}

#[test]
fn what_the_platform_asks_for_is_waited_and_then_the_jitter() {
    let mut plan = plan(0);
    let busy = |seconds| Answer::Failed {
        trouble: Trouble::Busy { status: 503 },
        retry_after: Some(Duration::from_secs(seconds)),
    };
    plan.answered(ms(0), 1, sent(1, 1, ms(0)), busy(30), u64::MAX);
    assert_eq!(plan.next_try().unwrap().as_secs(), 31);
    plan.answered(ms(0), 1, sent(1, 1, ms(0)), busy(u64::MAX), 0);
    assert_eq!(plan.next_try().unwrap(), RETRY_AFTER_MAX);
}

#[test]
fn a_refusal_is_held_and_tried_slowly_and_a_person_can_have_it_tried_now() {
    let mut plan = plan(3);
    plan.answered(ms(0), 9, sent(4, 6, ms(0)), refused("ledger_changed"), 0);
    assert_eq!(plan.trouble().unwrap().code(), "ledger_changed");
    assert_eq!(plan.next(ms(149_999), 9), Step::Wait { until: Some(ms(150_000)), for_entries: false });
    plan.retry_now();
    assert_eq!(plan.next(ms(1), 9), send(4));
}

#[test]
fn a_gap_goes_on_from_what_is_expected() {
    let mut plan = plan(100);
    plan.answered(ms(0), 120, sent(101, 10, ms(0)), Answer::Gap { expected: 41 }, 0);
    assert_eq!(plan.next(ms(0), 120), send(41));
}

#[test]
fn a_platform_that_knows_more_than_the_ledger_is_told_to_a_person() {
    for answer in [Answer::Gap { expected: 500 }, Answer::Acknowledged(499)] {
        let mut plan = plan(100);
        plan.answered(ms(0), 120, sent(101, 10, ms(0)), answer, 0);
        assert_eq!(plan.trouble(), Some(&Trouble::Ahead { platform: 499, ledger: 120 }));
        assert_eq!(plan.cursor(), 100);
    }
}

#[test]
fn repeats_of_an_old_stretch_are_cut_short() {
    let mut plan = plan(0);
    plan.answered(ms(0), 1000, sent(1, 10, ms(0)), Answer::Acknowledged(900), 0);
    assert_eq!(plan.next(ms(0), 1000), send(901));
}

#[test]
fn a_platform_that_sends_us_in_circles_is_not_followed_for_ever() {
    let mut plan = plan(100);
    for expected in [1, 50, 1, 50, 1] {
        plan.answered(ms(0), 120, sent(101, 10, ms(0)), Answer::Gap { expected }, u64::MAX);
    }
    assert_eq!(plan.failures(), 0, "a wait was taken, and then it was followed again");
    let mut plan = self::plan(100);
    plan.answered(ms(0), 120, sent(101, 10, ms(0)), Answer::Gap { expected: 101 }, u64::MAX);
    assert_eq!(plan.trouble().unwrap().code(), "nonsense");
    plan.answered(ms(0), 120, sent(101, 10, ms(0)), Answer::Acknowledged(100), u64::MAX);
    assert_eq!((plan.trouble().unwrap().code(), plan.failures()), ("nonsense", 2));
}

#[test]
fn a_batch_too_large_is_halved_down_to_one_entry_which_is_held() {
    let mut plan = plan(0);
    let too_large = || Answer::TooLarge { entries: None, bytes: None };
    for (entries, then) in [(10, 5), (5, 2), (2, 1)] {
        plan.answered(ms(0), 50, sent(1, entries, ms(0)), too_large(), 0);
        let Step::Send { from: 1, limits } = plan.next(ms(0), 50) else { panic!() };
        assert_eq!(limits.entries, then);
    }
    plan.answered(ms(0), 50, sent(1, 1, ms(0)), too_large(), 0);
    assert_eq!(plan.trouble().unwrap().code(), "too_large");
}

#[test]
fn the_platforms_own_limits_are_kept_when_it_tells_them() {
    let mut plan = plan(0);
    plan.answered(ms(0), 50, sent(1, 10, ms(0)), Answer::TooLarge { entries: Some(3), bytes: Some(400) }, 0);
    let limits = BatchLimits { entries: 3, bytes: 400 };
    assert_eq!(plan.next(ms(0), 50), Step::Send { from: 1, limits });
}

/// What happens to one request.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Taken,
    TakenButAnswerLost,
    TakenInPart,
    Unreachable,
    Busy(u64),
    Refused,
    TooLarge,
    /// Before it arrives, the platform is restored from a backup with this share of its entries.
    PlatformRestored(u8),
}

#[derive(Clone, Copy, Debug)]
enum Event {
    Grow(u64),
    Pass(u64),
    Try(Fate, u64),
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Taken),
        1 => Just(Fate::TakenButAnswerLost),
        1 => Just(Fate::TakenInPart),
        1 => Just(Fate::Unreachable),
        1 => (0_u64..10_000).prop_map(Fate::Busy),
        1 => Just(Fate::Refused),
        1 => Just(Fate::TooLarge),
        1 => any::<u8>().prop_map(Fate::PlatformRestored),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        1 => (0_u64..40).prop_map(Event::Grow),
        1 => (0_u64..700_000).prop_map(Event::Pass),
        3 => (fate(), any::<u64>()).prop_map(|(fate, dice)| Event::Try(fate, dice)),
    ]
}

/// A ledger, a platform as documented, and the time.
struct World {
    plan: Plan,
    now: Duration,
    durable: u64,
    platform: u64,
}

impl World {
    fn happens(&mut self, event: Event) {
        match event {
            Event::Grow(entries) => self.durable += entries,
            Event::Pass(passed) => self.now += ms(passed),
            Event::Try(fate, dice) => self.step(fate, dice),
        }
    }

    fn step(&mut self, fate: Fate, dice: u64) {
        match self.plan.next(self.now, self.durable) {
            Step::Wait { until: None, for_entries } => {
                assert!(for_entries && self.plan.cursor() >= self.durable, "sleeps though entries wait");
            }
            Step::Wait { until: Some(until), .. } => {
                assert!(until > self.now, "a wait that is over would spin");
                assert!(until - self.now <= RETRY_AFTER_MAX + TIMING.backoff_longest, "a wait without bound");
            }
            Step::Send { from, limits } => self.exchange(from, limits, fate, dice),
        }
    }

    fn exchange(&mut self, from: u64, limits: BatchLimits, fate: Fate, dice: u64) {
        assert!(from == self.plan.cursor() + 1 && from <= self.durable && limits.entries >= 1);
        let last = self.durable.min(from + limits.entries as u64 - 1);
        let sent = sent(from, (last - from + 1) as usize, self.now);
        let before = self.plan.cursor();
        let answer = self.arrives(from, last, fate);
        let may_move = matches!(answer, Answer::Acknowledged(_) | Answer::Gap { .. });
        self.plan.answered(self.now, self.durable, sent, answer, dice);
        assert!(may_move || self.plan.cursor() == before, "moved without an answer that says so");
        assert!(self.plan.cursor() <= self.platform, "passed over entries that the platform does not have");
    }

    fn arrives(&mut self, from: u64, last: u64, fate: Fate) -> Answer {
        match fate {
            Fate::Unreachable => return unreachable(),
            Fate::Busy(seconds) => {
                let retry_after = Some(Duration::from_secs(seconds));
                return Answer::Failed { trouble: Trouble::Busy { status: 503 }, retry_after };
            }
            Fate::Refused => return refused("unauthorized"),
            Fate::TooLarge => {
                return Answer::TooLarge { entries: None, bytes: None };
            }
            Fate::PlatformRestored(share) => self.platform = self.platform * u64::from(share) / 256,
            Fate::Taken | Fate::TakenButAnswerLost | Fate::TakenInPart => {}
        }
        if from > self.platform + 1 {
            return Answer::Gap { expected: self.platform + 1 };
        }
        let through = if matches!(fate, Fate::TakenInPart) { from } else { last };
        self.platform = self.platform.max(through);
        match fate {
            Fate::TakenButAnswerLost => unreachable(),
            _ => Answer::Acknowledged(self.platform),
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_nothing_is_skipped_and_it_all_arrives_once_the_platform_is_well(
        events in proptest::collection::vec(event(), 0..120),
        cursor in 0_u64..20,
        platform in 0_u64..20,
    ) {
        // A cursor that is ahead of the platform is a platform that was restored, and one behind it a cursor lost.
        let mut world = World { plan: plan(cursor), now: ms(0), durable: 20, platform };
        // What the cursor says to begin with is put right by the first answer.
        world.exchange_first();
        for event in events {
            world.happens(event);
        }
        let rounds = world.durable * 2 + 20;
        for _ in 0..rounds {
            world.now += RETRY_AFTER_MAX + TIMING.backoff_longest;
            world.step(Fate::Taken, u64::MAX);
        }
        prop_assert_eq!(world.platform, world.durable);
        prop_assert_eq!(world.plan.cursor(), world.durable);
        prop_assert_eq!(world.plan.trouble(), None);
    }
}

impl World {
    fn exchange_first(&mut self) {
        let Step::Send { from, limits } = self.plan.next(self.now, self.durable) else {
            return;
        };
        self.exchange(from, limits, Fate::Taken, 0);
    }
}
