//! What one gate shows, sounds and releases, by the clock that it is given.

use std::time::{Duration, Instant};

use schoolgate_core::{
    gate::Standing,
    picture::{Light, Tone},
};

/// A lamp goes out and a beep begins or ends up to so much later than asked, so that at a full gate one wake-up serves the
/// ends of many lanes. No eye and no ear tells; releases keep their time.
pub(super) const SHOW_SLACK: Duration = Duration::from_millis(40);

/// One beep and the pause before the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beep {
    /// How long it sounds, in milliseconds.
    pub on_ms: u16,
    /// The silence before the next one, in milliseconds.
    pub off_ms: u16,
}

/// The beeps that a tone is made of: outcomes can be told apart without looking.
pub const fn beeps(tone: Tone) -> &'static [Beep] {
    const SHORT: Beep = Beep { on_ms: 100, off_ms: 100 };
    match tone {
        Tone::Ok => &[SHORT],
        Tone::Attention => &[SHORT, SHORT, SHORT],
        Tone::Refused => &[Beep { on_ms: 700, off_ms: 0 }],
    }
}

/// Where the passage stands when nobody is in control of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailSafe {
    /// Open: people can leave (GB 50396-2007 §9.0.1). The rule for every gate that is a way out.
    Released,
    /// Shut, for a passage that is no way out.
    Locked,
}

/// What the outputs of a gate should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// Whether the passage is open.
    pub released: bool,
    /// The one lamp that is lit, if any.
    pub lamp: Option<Light>,
    /// Whether the buzzer sounds.
    pub buzzer: bool,
}

/// One gate's lamps, buzzer and release.
///
/// Call [`show`](Self::show), [`release`](Self::release) or [`safe`](Self::safe), then take [`outputs`](Self::outputs);
/// at [`poll_timeout`](Self::poll_timeout) call [`handle_timeout`](Self::handle_timeout) and take them again. `now` never
/// goes back.
#[derive(Debug)]
pub struct Panel {
    fail_safe: FailSafe,
    lamp: Option<(Light, Instant)>,
    sound: Option<Sound>,
    released_until: Option<Instant>,
    standing: Standing,
    free: bool,
    safe: bool,
}

#[derive(Debug)]
struct Sound {
    beeps: &'static [Beep],
    sounding: bool,
    until: Instant,
}

impl Panel {
    /// A dark, silent, locked gate.
    pub fn new(fail_safe: FailSafe) -> Self {
        Self {
            fail_safe,
            lamp: None,
            sound: None,
            released_until: None,
            standing: Standing::Gate,
            free: false,
            safe: false,
        }
    }

    /// Shows `light` for so long and sounds `tone`; what was shown and sounded before ends at once.
    pub fn show(&mut self, now: Instant, light: Light, tone: Option<Tone>, show_ms: u32) {
        self.lamp = Some((light, now + millis(show_ms)));
        self.sound = Sound::start(now, tone.map_or(&[], beeps));
    }

    /// Opens the passage for so long. One that is open stays so until the later of both ends.
    pub fn release(&mut self, now: Instant, release_ms: u32) {
        let until = now + millis(release_ms);
        self.released_until = Some(self.released_until.map_or(until, |earlier| earlier.max(until)));
    }

    /// Shuts the passage before its time: it has been used.
    pub fn end_release(&mut self) {
        self.released_until = None;
    }

    /// What the gate is until told otherwise; [`free`](Self::free) and [`safe`](Self::safe) go before it.
    pub fn stand(&mut self, standing: Standing) {
        self.standing = standing;
    }

    /// The gate stands open for everybody until this is ended: the passage is released and the lamp green, whatever is
    /// shown, released or shut meanwhile. A red lamp must not stop people in an emergency.
    pub fn free(&mut self, on: bool) {
        self.free = on;
    }

    /// Nobody is in control, or a fire alarm is: lamps and buzzer go off, and the passage stays as [`FailSafe`] says until
    /// [`resume`](Self::resume). Lamps can be lit meanwhile, so that people see that their card was read.
    pub fn safe(&mut self) {
        self.lamp = None;
        self.sound = None;
        self.safe = true;
    }

    /// Ends what [`safe`](Self::safe) began: the passage obeys releases again.
    pub fn resume(&mut self) {
        self.safe = false;
    }

    /// What the outputs should be now.
    pub fn outputs(&self) -> Outputs {
        let free = self.free && !self.safe;
        let stands_open = matches!(self.standing, Standing::Open | Standing::Held);
        let released = free || stands_open || self.released_until.is_some();
        let idle = match self.standing {
            Standing::Open => Some(Light::Green),
            Standing::Closed => Some(Light::Red),
            Standing::Gate | Standing::Held => None,
        };
        let lamp = self.lamp.map(|(light, _until)| light).or(idle.filter(|_| !self.safe));
        Outputs {
            released: if self.safe { self.fail_safe == FailSafe::Released } else { released },
            lamp: if free { Some(Light::Green) } else { lamp },
            buzzer: self.sound.as_ref().is_some_and(|sound| sound.sounding),
        }
    }

    /// By when [`handle_timeout`](Self::handle_timeout) must be called. An earlier call ends what has ended by then.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let lamp = self.lamp.map(|(_light, until)| until);
        let sound = self.sound.as_ref().map(|sound| sound.until);
        let shown = [lamp, sound].into_iter().flatten().min().map(|until| until + SHOW_SLACK);
        [shown, self.released_until].into_iter().flatten().min()
    }

    /// Ends whatever has ended by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.lamp = self.lamp.filter(|(_light, until)| now < *until);
        self.released_until = self.released_until.filter(|until| now < *until);
        while let Some(sound) = self.sound.take_if(|sound| sound.until <= now) {
            self.sound = sound.next();
        }
    }
}

impl Sound {
    fn start(at: Instant, beeps: &'static [Beep]) -> Option<Self> {
        let first = beeps.first()?;
        Some(Self { beeps, sounding: true, until: at + millis(first.on_ms) })
    }

    /// What comes when this has ended, if anything: no silence after the last beep. Reckoned from its end, so that a late
    /// wake-up doesn't stretch the tone.
    fn next(self) -> Option<Self> {
        let (beep, rest) = self.beeps.split_first().filter(|(_beep, rest)| !rest.is_empty())?;
        if self.sounding {
            Some(Self { sounding: false, until: self.until + millis(beep.off_ms), ..self })
        } else {
            Self::start(self.until, rest)
        }
    }
}

fn millis(ms: impl Into<u64>) -> Duration {
    Duration::from_millis(ms.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    struct Gate {
        start: Instant,
        panel: Panel,
    }

    impl Gate {
        fn new(fail_safe: FailSafe) -> Self {
            Self { start: Instant::now(), panel: Panel::new(fail_safe) }
        }

        fn at(&self, ms: u64) -> Instant {
            self.start + millis(ms)
        }

        fn timeout_ms(&self) -> Option<u128> {
            self.panel.poll_timeout().map(|at| (at - self.start).as_millis())
        }

        /// Lets time run to `ms`, keeping every deadline on the way, and looks at the clock then.
        fn run_to(&mut self, ms: u64) -> Outputs {
            while let Some(due) = self.panel.poll_timeout().filter(|due| *due <= self.at(ms)) {
                self.panel.handle_timeout(due);
            }
            self.panel.handle_timeout(self.at(ms));
            self.panel.outputs()
        }
    }

    #[test]
    fn green_shows_for_its_time_and_goes_out() {
        let mut gate = Gate::new(FailSafe::Released);
        gate.panel.show(gate.start, Light::Green, None, 2_000);
        assert_eq!(gate.panel.outputs().lamp, Some(Light::Green));
        assert_eq!(gate.timeout_ms(), Some(2_040), "at the latest");
        assert_eq!(gate.run_to(1_999).lamp, Some(Light::Green));
        assert_eq!(gate.run_to(2_000), Outputs::default());
        assert_eq!(gate.timeout_ms(), None);
    }

    #[test]
    fn a_new_picture_replaces_the_old_one_with_its_tone_and_time() {
        let mut gate = Gate::new(FailSafe::Released);
        gate.panel.show(gate.start, Light::Green, Some(Tone::Refused), 2_000);
        gate.panel.show(gate.at(500), Light::Red, None, 3_000);
        assert_eq!(gate.panel.outputs(), Outputs { lamp: Some(Light::Red), ..Outputs::default() });
        assert_eq!(gate.run_to(2_500).lamp, Some(Light::Red));
        assert_eq!(gate.run_to(3_500).lamp, None);
    }

    #[test]
    fn attention_is_three_beeps_even_when_the_clock_is_read_late() {
        let mut gate = Gate::new(FailSafe::Released);
        gate.panel.show(gate.start, Light::Amber, Some(Tone::Attention), 5_000);
        let heard: String = (0..8).map(|i| if gate.run_to(i * 100).buzzer { '-' } else { '.' }).collect();
        assert_eq!(heard, "-.-.-...");

        gate.panel.show(gate.at(1_000), Light::Amber, Some(Tone::Attention), 5_000);
        gate.panel.handle_timeout(gate.at(1_250));
        assert!(gate.panel.outputs().buzzer, "the second beep, from 1,200 to 1,300");
        assert_eq!(gate.timeout_ms(), Some(1_340));
        assert!(!gate.run_to(1_300).buzzer);
    }

    #[test]
    fn a_tone_asks_for_a_wake_up_at_each_change_and_for_none_after_its_last_beep() {
        let mut gate = Gate::new(FailSafe::Released);
        for (tone, changes) in [(Tone::Ok, 1), (Tone::Attention, 5), (Tone::Refused, 1)] {
            gate.panel.show(gate.start, Light::Green, Some(tone), 0);
            gate.panel.handle_timeout(gate.start);
            for left in (0..changes).rev() {
                let due = gate.panel.poll_timeout().unwrap();
                gate.panel.handle_timeout(due);
                assert_eq!(gate.panel.outputs().buzzer, left % 2 == 1, "{tone:?}: {left} changes left");
            }
            assert_eq!(gate.timeout_ms(), None, "{tone:?}");
        }
    }

    #[test]
    fn a_lamp_may_go_out_a_little_late_and_a_release_ends_in_time() {
        let mut gate = Gate::new(FailSafe::Released);
        gate.panel.show(gate.start, Light::Green, None, 2_000);
        gate.panel.release(gate.start, 2_010);
        assert_eq!(gate.timeout_ms(), Some(2_010));
        gate.panel.handle_timeout(gate.at(2_010));
        assert_eq!(gate.panel.outputs(), Outputs::default(), "both at once");
        assert_eq!(gate.timeout_ms(), None);
    }

    #[test]
    fn a_second_release_prolongs_and_never_shortens() {
        let mut gate = Gate::new(FailSafe::Released);
        gate.panel.release(gate.start, 5_000);
        gate.panel.release(gate.at(1_000), 3_000);
        assert!(gate.run_to(4_999).released);
        gate.panel.release(gate.at(4_999), 5_000);
        assert!(gate.run_to(9_998).released);
        assert!(!gate.run_to(9_999).released);
    }

    #[test]
    fn a_used_passage_is_shut_before_its_time() {
        let mut gate = Gate::new(FailSafe::Released);
        gate.panel.release(gate.start, 5_000);
        gate.panel.end_release();
        assert!(!gate.panel.outputs().released);
    }

    #[test]
    fn a_free_gate_stands_open_and_green_until_that_is_ended_whatever_else_is_asked() {
        let mut gate = Gate::new(FailSafe::Released);
        gate.panel.free(true);
        let open = Outputs { released: true, lamp: Some(Light::Green), buzzer: false };
        gate.panel.release(gate.start, 1_000);
        gate.panel.show(gate.start, Light::Red, None, 2_000);
        assert_eq!(gate.panel.outputs(), open, "no red lamp");
        gate.panel.end_release();
        assert_eq!(gate.panel.outputs(), open);
        assert_eq!(gate.run_to(u64::from(u32::MAX) + 1), open, "for however long");
        gate.panel.free(false);
        assert_eq!(gate.panel.outputs(), Outputs::default());
    }

    #[test]
    fn what_was_released_before_a_free_gate_is_ended_keeps_its_time() {
        let mut gate = Gate::new(FailSafe::Released);
        gate.panel.free(true);
        gate.panel.release(gate.start, 5_000);
        gate.panel.free(false);
        assert!(gate.run_to(4_999).released);
        assert!(!gate.run_to(5_000).released);
    }

    #[test]
    fn a_gate_that_stands_open_is_green_between_pictures_and_shows_each() {
        let mut gate = Gate::new(FailSafe::Released);
        gate.panel.stand(Standing::Open);
        let open = |lamp| Outputs { released: true, lamp: Some(lamp), buzzer: false };
        assert_eq!(gate.panel.outputs(), open(Light::Green));
        gate.panel.show(gate.start, Light::Red, None, 2_000);
        gate.panel.end_release();
        assert_eq!(gate.panel.outputs(), open(Light::Red));
        assert_eq!(gate.run_to(2_000), open(Light::Green));
        gate.panel.free(true);
        gate.panel.free(false);
        assert_eq!(gate.panel.outputs(), open(Light::Green), "it goes on after an emergency");
        gate.panel.stand(Standing::Gate);
        assert_eq!(gate.panel.outputs(), Outputs::default());
    }

    #[test]
    fn what_is_held_open_shows_no_lamp_and_what_is_out_of_service_is_red_and_free_in_an_emergency() {
        let mut gate = Gate::new(FailSafe::Released);
        gate.panel.stand(Standing::Held);
        assert_eq!(gate.panel.outputs(), Outputs { released: true, ..Outputs::default() });
        gate.panel.stand(Standing::Closed);
        assert_eq!(gate.panel.outputs(), Outputs { lamp: Some(Light::Red), ..Outputs::default() });
        gate.panel.free(true);
        assert_eq!(gate.panel.outputs(), Outputs { released: true, lamp: Some(Light::Green), buzzer: false });
    }

    #[test]
    fn safe_beats_free_and_leaves_it_as_it_was() {
        for (fail_safe, released) in [(FailSafe::Released, true), (FailSafe::Locked, false)] {
            let mut gate = Gate::new(fail_safe);
            gate.panel.free(true);
            gate.panel.safe();
            assert_eq!(gate.panel.outputs(), Outputs { released, lamp: None, buzzer: false });
            gate.panel.resume();
            assert!(gate.panel.outputs().released);
        }
    }

    #[test]
    fn safe_holds_the_passage_as_configured_until_it_is_ended() {
        for (fail_safe, released) in [(FailSafe::Released, true), (FailSafe::Locked, false)] {
            let mut gate = Gate::new(fail_safe);
            gate.panel.show(gate.start, Light::Green, Some(Tone::Refused), 60_000);
            gate.panel.release(gate.start, 1_000);

            gate.panel.safe();

            assert_eq!(gate.panel.outputs(), Outputs { released, lamp: None, buzzer: false });
            assert_eq!(gate.run_to(100_000).released, released);
            gate.panel.resume();
            assert!(!gate.panel.outputs().released);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_asked_the_outputs_are_those_of_the_last_picture_and_all_releases(
            asks in prop::collection::vec((0..3_000_u64, 0..3_usize, 0..5_000_u32, any::<bool>()), 1..60)
        ) {
            let mut gate = Gate::new(FailSafe::Released);
            let (mut now, mut lamp_ends, mut release_ends) = (0, 0, 0);
            let mut light = Light::Red;
            for (pause, choice, for_ms, release) in asks {
                now += pause;
                let shown = gate.run_to(now);
                prop_assert_eq!(shown.lamp, (now < lamp_ends).then_some(light));
                prop_assert_eq!(shown.released, now < release_ends);
                let ends = now + u64::from(for_ms);
                if release {
                    gate.panel.release(gate.at(now), for_ms);
                    release_ends = release_ends.max(ends);
                } else {
                    light = [Light::Green, Light::Amber, Light::Red][choice];
                    gate.panel.show(gate.at(now), light, Some(Tone::Attention), for_ms);
                    lamp_ends = ends;
                }
            }
            gate.run_to(now + 10_000);
            prop_assert_eq!(gate.panel.outputs(), Outputs::default());
            prop_assert_eq!(gate.timeout_ms(), None);
        }
    }
}
