//! What time does to a gateway: it passes, the box starts anew, the clock becomes better or worse known.

use schoolgate_core::{
    school::Input,
    time::{BootId, ClockQuality, Mono, Stamp, Wall},
};

/// One of them.
#[derive(Clone, Debug)]
pub enum Turn {
    /// So many milliseconds go by.
    Wait(u64),
    /// Power fails for 40 seconds.
    Reboot,
    /// Another quality, of three.
    Clock(u8),
}

impl Turn {
    /// Moves the time on; gives what the school is told then.
    pub fn take(&self, now: &mut Stamp) -> Input {
        match *self {
            Self::Wait(ms) => {
                now.mono = Mono(now.mono.0 + ms);
                now.wall = Wall::new(now.wall.unix_ms() + ms as i64, 480);
                Input::Timeout
            }
            Self::Reboot => {
                now.boot = BootId(now.boot.0 + 1);
                now.mono = Mono(9_000);
                now.wall = Wall::new(now.wall.unix_ms() + 40_000, 480);
                Input::Started { version: "test".into() }
            }
            Self::Clock(n) => {
                let qualities =
                    [ClockQuality::Synchronised, ClockQuality::Holdover { error_ms: 900 }, ClockQuality::Unset];
                now.clock = qualities[usize::from(n)];
                Input::Timeout
            }
        }
    }
}
