//! Hex digits for values of a known length.

use data_encoding::Encoding;

/// Exactly `N` bytes from `2 N` digits, and nothing else, as `encoding` takes them: `HEXLOWER` where no two texts shall mean
/// the same, `HEXLOWER_PERMISSIVE` where people write.
pub(crate) fn decode<const N: usize>(encoding: &Encoding, digits: impl AsRef<[u8]>) -> Option<[u8; N]> {
    let digits = digits.as_ref();
    let mut bytes = [0; N];
    let fits = encoding.decode_len(digits.len()) == Ok(N);
    (fits && encoding.decode_mut(digits, &mut bytes).is_ok()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

    use super::decode;

    #[test]
    fn only_so_many_digits_are_taken() {
        assert_eq!(decode(&HEXLOWER, "0aff"), Some([0x0a, 0xff]));
        assert_eq!(decode(&HEXLOWER_PERMISSIVE, "0AfF"), Some([0x0a, 0xff]));
        for text in ["", "0af", "0afff", "0aff00", "0aFF", "+a+f", " 0af", "0x0a", "门0a", "0a\n\n"] {
            assert_eq!(decode::<2>(&HEXLOWER, text), None, "{text:?}");
        }
    }
}
