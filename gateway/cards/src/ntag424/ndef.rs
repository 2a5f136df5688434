//! The NDEF message on a card, as far as a web address is in it (NFC Forum: NDEF 1.0, URI record 1.0).

/// What an URI record's first byte stands for (URI record 1.0, table 3). Those behind are not for the web.
const PREFIXES: [&str; 5] = ["", "http://www.", "https://www.", "http://", "https://"];
/// More records than this are not looked at.
const MAX_RECORDS: usize = 8;

const MESSAGE_END: u8 = 0x40;
const CHUNKED: u8 = 0x20;
const SHORT: u8 = 0x10;
const HAS_ID: u8 = 0x08;
const TYPE_NAME: u8 = 0x07;
const WELL_KNOWN: u8 = 0x01;

/// Why there is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NdefFault {
    /// It ends in the middle of a record.
    CutOff,
    /// A record is spread over several.
    Chunked,
    /// The address is not text, or begins with a code that is not for the web.
    NotWeb,
    /// No record is an address.
    NoUri,
}

/// The first address in an NDEF message.
pub fn first_uri(message: &[u8]) -> Result<String, NdefFault> {
    let mut rest = message;
    for _ in 0..MAX_RECORDS {
        let (record, behind) = Record::split(rest)?;
        if let Some(uri) = record.uri() {
            return uri;
        }
        if record.is_last || behind.is_empty() {
            break;
        }
        rest = behind;
    }
    Err(NdefFault::NoUri)
}

struct Record<'a> {
    is_last: bool,
    type_name: u8,
    kind: &'a [u8],
    payload: &'a [u8],
}

impl<'a> Record<'a> {
    fn split(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), NdefFault> {
        let (&[flags, kind_len], rest) = bytes.split_first_chunk().ok_or(NdefFault::CutOff)?;
        if flags & CHUNKED != 0 {
            return Err(NdefFault::Chunked);
        }
        let (payload_len, rest) = if flags & SHORT != 0 {
            let (&[len], rest) = rest.split_first_chunk().ok_or(NdefFault::CutOff)?;
            (usize::from(len), rest)
        } else {
            let (len, rest) = rest.split_first_chunk().ok_or(NdefFault::CutOff)?;
            (usize::try_from(u32::from_be_bytes(*len)).map_err(|_| NdefFault::CutOff)?, rest)
        };
        let (id_len, rest) = if flags & HAS_ID != 0 {
            let (&[len], rest) = rest.split_first_chunk().ok_or(NdefFault::CutOff)?;
            (usize::from(len), rest)
        } else {
            (0, rest)
        };
        let (kind, rest) = rest.split_at_checked(usize::from(kind_len)).ok_or(NdefFault::CutOff)?;
        let (_id, rest) = rest.split_at_checked(id_len).ok_or(NdefFault::CutOff)?;
        let (payload, behind) = rest.split_at_checked(payload_len).ok_or(NdefFault::CutOff)?;
        Ok((Self { is_last: flags & MESSAGE_END != 0, type_name: flags & TYPE_NAME, kind, payload }, behind))
    }

    /// The address in it, if it is of that kind.
    fn uri(&self) -> Option<Result<String, NdefFault>> {
        if self.type_name != WELL_KNOWN || self.kind != b"U" {
            return None;
        }
        let Some((&code, text)) = self.payload.split_first() else { return Some(Err(NdefFault::NotWeb)) };
        let prefix = PREFIXES.get(usize::from(code)).ok_or(NdefFault::NotWeb);
        let text = std::str::from_utf8(text).map_err(|_| NdefFault::NotWeb);
        Some(prefix.and_then(|prefix| Ok(format!("{prefix}{}", text?))))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SHORT_URI: &[u8] = b"\xD1\x01\x0A\x55\x04a.cn/?x=1";

    #[test]
    fn an_address_is_read_with_its_prefix() {
        assert_eq!(first_uri(SHORT_URI).unwrap(), "https://a.cn/?x=1");
        assert_eq!(first_uri(b"\xC1\x01\x00\x00\x00\x0A\x55\x04a.cn/?x=1").unwrap(), "https://a.cn/?x=1", "a long one");
    }

    #[test]
    fn an_address_behind_another_record_is_found() {
        let text = b"\x91\x01\x03\x54\x02en\x59\x01\x05\x01\x55i\x03a.cn";
        assert_eq!(first_uri(text).unwrap(), "http://a.cn");
    }

    #[test]
    fn what_is_no_address_is_named() {
        assert_eq!(first_uri(b""), Err(NdefFault::CutOff));
        assert_eq!(first_uri(&SHORT_URI[..9]), Err(NdefFault::CutOff));
        assert_eq!(first_uri(b"\xF1\x01\x02\x55\x04a"), Err(NdefFault::Chunked));
        assert_eq!(first_uri(b"\xD1\x01\x02\x55\x05a"), Err(NdefFault::NotWeb), "a telephone number");
        assert_eq!(first_uri(b"\xD1\x01\x03\x54\x02en"), Err(NdefFault::NoUri));
        assert_eq!(first_uri(&b"\x11\x00\x00".repeat(100)), Err(NdefFault::NoUri));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_address_or_a_fault(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = first_uri(&bytes);
        }
    }
}
