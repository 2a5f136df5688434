//! Where the ledger's salts come from: the system's random numbers, many with one call.

/// A salt hides the content of an entry whose body is removed later.
pub(super) type Salt = [u8; 16];

/// Salts fetched at once. In a rush each call to the system would cost as much as a twentieth of all that a tap needs.
const AT_ONCE: usize = 64;

/// Salts that never repeat and that nobody can guess. Should the system's source fail while running, the ledger's id and a
/// count still give some that never repeat.
pub(super) struct Salts<F> {
    /// Fills bytes with random ones, and says whether it could.
    fill: F,
    fetched: Vec<Salt>,
    ledger: [u8; 16],
    without: u64,
}

impl<F: FnMut(&mut [u8]) -> bool> Salts<F> {
    /// Salts of what `fill` gives.
    pub(super) fn new(ledger: [u8; 16], fill: F) -> Self {
        Self { fill, fetched: Vec::with_capacity(AT_ONCE), ledger, without: 0 }
    }

    /// The next.
    pub(super) fn next(&mut self) -> Salt {
        if self.fetched.is_empty() {
            self.fetch();
        }
        self.fetched.pop().unwrap_or_else(|| self.stand_in())
    }

    fn fetch(&mut self) {
        let mut fetched = [[0; 16]; AT_ONCE];
        if (self.fill)(fetched.as_flattened_mut()) {
            self.fetched.extend(fetched);
        }
    }

    fn stand_in(&mut self) -> Salt {
        self.without += 1;
        let mut salt = self.ledger;
        salt.iter_mut().zip(self.without.to_le_bytes()).for_each(|(byte, count)| *byte ^= count);
        salt
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_salt_comes_twice_though_the_source_fails_now_and_then() {
        let mut calls = 0_u64;
        let mut salts = Salts::new([7; 16], |bytes: &mut [u8]| {
            calls += 1;
            for (salt, n) in bytes.chunks_exact_mut(16).zip(0_u8..) {
                salt.fill(n);
                salt[..8].copy_from_slice(&calls.to_be_bytes());
            }
            !calls.is_multiple_of(3)
        });
        let given: HashSet<Salt> = (0..1_000).map(|_| salts.next()).collect();
        assert_eq!(given.len(), 1_000);
        assert!((10..40).contains(&calls), "{calls}");
    }
}
