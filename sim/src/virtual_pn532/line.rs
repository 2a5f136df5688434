//! The line between the gateway and the module, and what can be wrong with it.

use std::time::Duration;

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{Instant, sleep},
};

use super::SharedModule;

/// How bad a line is, both ways.
#[derive(Clone, Debug, Default)]
pub struct BadLine {
    /// Seed of the chance.
    pub seed: u64,
    /// One byte in so many is damaged, lost, or has another put before it; 0: none.
    pub damage_one_in: u32,
    /// Bytes come in pieces of this size, one after the other; 0: as they were sent.
    pub piece: usize,
    /// How long each piece takes.
    pub delay: Duration,
    /// For how long it is bad, from the moment it was opened; then it is sound.
    pub bad_for: Option<Duration>,
}

/// Lets the module answer what comes over `line`, until it is closed.
pub async fn serve(module: SharedModule, mut line: impl AsyncRead + AsyncWrite + Unpin + Send, bad: BadLine) {
    let mut wear = Wear { chance: ChaCha8Rng::seed_from_u64(bad.seed), opened: Instant::now(), bad };
    let mut bytes = [0; 512];
    loop {
        // A poll that waits for a card is answered when one comes.
        let read = tokio::select! {
            read = line.read(&mut bytes) => match read {
                Ok(0) | Err(_) => return,
                Ok(count) => Some(count),
            },
            () = sleep(Duration::from_millis(20)) => None,
        };
        let answer = match read {
            Some(count) => {
                let heard = wear.wear(bytes.get(..count).unwrap_or_default());
                module.lock().receive(&heard)
            }
            None => module.lock().card_has_come(),
        };
        if !answer.is_empty() && wear.send(&mut line, &answer).await.is_err() {
            return;
        }
    }
}

struct Wear {
    chance: ChaCha8Rng,
    opened: Instant,
    bad: BadLine,
}

impl Wear {
    fn is_bad(&self) -> bool {
        self.bad.bad_for.is_none_or(|time| self.opened.elapsed() < time)
    }

    fn wear(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.bad.damage_one_in == 0 || !self.is_bad() {
            return bytes.to_vec();
        }
        let mut worn = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            if self.chance.random_range(0..self.bad.damage_one_in) > 0 {
                worn.push(byte);
                continue;
            }
            let any = (self.chance.next_u32() & 0xFF) as u8;
            match self.chance.random_range(0..4) {
                0 => {}
                1 => worn.extend([any, byte]),
                2 => worn.push(byte ^ (1 << (any & 7))),
                _ => worn.push(any),
            }
        }
        worn
    }

    async fn send(&mut self, line: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
        let worn = self.wear(bytes);
        let piece = if self.bad.piece == 0 { usize::MAX } else { self.bad.piece };
        for part in worn.chunks(piece) {
            if !self.bad.delay.is_zero() {
                sleep(self.bad.delay).await;
            }
            line.write_all(part).await?;
            line.flush().await?;
        }
        Ok(())
    }
}
