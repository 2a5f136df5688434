//! Plays an afternoon's script to a gateway's readers, in true time.

use std::time::{Duration, Instant};

use tokio::{sync::watch, time::sleep_until};

use crate::{
    afternoon::{Act, Afternoon, Deed},
    virtual_reader::{CardNumber, REPEAT_EVERY, VirtualReader, VirtualReaderError},
};

/// How an afternoon's time runs in true time.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// When the afternoon begins.
    pub begins: Instant,
    /// How many times faster than true time it runs.
    pub speed: u32,
}

impl Pace {
    /// When that moment of the afternoon is in true time.
    pub fn true_time(&self, at: Duration) -> Instant {
        self.begins + at / self.speed.max(1)
    }

    /// How far the afternoon has come.
    pub fn afternoon_time(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.begins).saturating_mul(self.speed)
    }
}

/// What is done to the readers, one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stroke {
    /// A card is presented.
    Tap(usize, CardNumber),
    /// It still lies there.
    StillThere(usize, CardNumber),
    Garble(usize, CardNumber),
    Unplug(usize),
    Plug(usize),
}

/// Plays the afternoon to its end, or until `stop` turns true. `taps` counts the cards presented so far.
///
/// # Errors
/// The first reader that did not take what it was to take: the gateway does not read.
pub async fn play(
    afternoon: &Afternoon,
    pace: Pace,
    readers: &mut [VirtualReader],
    taps: &watch::Sender<u64>,
    stop: &mut watch::Receiver<bool>,
) -> Result<(), VirtualReaderError> {
    for (at, stroke) in strokes(afternoon, pace) {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
            () = sleep_until(at.into()) => {}
        }
        strike(stroke, readers)?;
        if matches!(stroke, Stroke::Tap(..)) {
            taps.send_modify(|taps| *taps += 1);
        }
    }
    Ok(())
}

fn strokes(afternoon: &Afternoon, pace: Pace) -> Vec<(Instant, Stroke)> {
    let mut strokes: Vec<_> = afternoon.acts.iter().flat_map(|act| strokes_of(act, pace)).collect();
    strokes.sort_by_key(|(at, _)| *at);
    strokes
}

fn strokes_of(act: &Act, pace: Pace) -> Vec<(Instant, Stroke)> {
    let at = pace.true_time(act.at);
    match act.what {
        Deed::Tap { reader, card, rests, .. } => {
            let repeats = (rests / pace.speed.max(1)).as_millis() / REPEAT_EVERY.as_millis();
            let repeats = u32::try_from(repeats).unwrap_or(u32::MAX).min(MAX_REPEATS);
            let still = (1..=repeats).map(|n| (at + REPEAT_EVERY * n, Stroke::StillThere(reader, card)));
            [(at, Stroke::Tap(reader, card))].into_iter().chain(still).collect()
        }
        Deed::Garble { reader, card } => vec![(at, Stroke::Garble(reader, card))],
        Deed::Unplug { reader } => vec![(at, Stroke::Unplug(reader))],
        Deed::Plug { reader } => vec![(at, Stroke::Plug(reader))],
    }
}

/// A card lies there for a quarter of an hour at most.
const MAX_REPEATS: u32 = 15 * 60 * 1_000 / 65;

fn strike(stroke: Stroke, readers: &mut [VirtualReader]) -> Result<(), VirtualReaderError> {
    let (Stroke::Tap(n, _) | Stroke::StillThere(n, _) | Stroke::Garble(n, _) | Stroke::Unplug(n) | Stroke::Plug(n)) =
        stroke;
    let Some(reader) = readers.get_mut(n) else { return Ok(()) };
    match stroke {
        Stroke::Tap(_, card) | Stroke::StillThere(_, card) => reader.tap(card),
        Stroke::Garble(_, card) => reader.tap_with_wrong_checksum(card),
        Stroke::Unplug(_) => {
            reader.unplug();
            Ok(())
        }
        Stroke::Plug(_) => reader.replug(),
    }
}
