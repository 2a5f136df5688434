//! The body of a request: records to NDJSON in gzip, in buffers that stay.

use std::io::Write;

use data_encoding::HEXLOWER;
use flate2::{Compress, CompressError, Compression, Crc, FlushCompress, Status};

use super::source::Record;

/// Gzip's header: deflate, no flags, no time, no extra flags, system unknown (RFC 1952, 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Room given to the compressor at a time.
const ROOM: usize = 8 << 10;

/// What the buffer keeps after a large batch.
const KEPT: usize = 64 << 10;

/// Why records could not be packed.
#[derive(Debug, thiserror::Error)]
pub(super) enum PackError {
    #[error("entry {seq} has a line break")]
    LineBreak { seq: u64 },
    #[error("the compressor failed")]
    Deflate(#[from] CompressError),
}

/// Packs one batch after the other. (flate2's `GzEncoder` would make a new compressor, some 300 KB, for each.)
pub(super) struct Packer {
    deflate: Compress,
    crc: Crc,
    prefix: Vec<u8>,
    packed: Vec<u8>,
}

impl Packer {
    pub(super) fn new() -> Self {
        let deflate = Compress::new(Compression::fast(), false);
        Self { deflate, crc: Crc::new(), prefix: Vec::new(), packed: Vec::new() }
    }

    /// The records as the request's body, valid until the next call.
    pub(super) fn pack(&mut self, records: &[Record]) -> Result<&[u8], PackError> {
        self.deflate.reset();
        self.crc.reset();
        self.packed.clear();
        self.packed.shrink_to(KEPT);
        self.packed.extend_from_slice(&HEADER);
        for record in records {
            self.push_line(record)?;
        }
        self.finish()?;
        Ok(&self.packed)
    }

    fn push_line(&mut self, record: &Record) -> Result<(), PackError> {
        if record.body.contains(&b'\n') {
            return Err(PackError::LineBreak { seq: record.seq });
        }
        let mut prefix = std::mem::take(&mut self.prefix);
        prefix.clear();
        // Writing to a vector cannot fail.
        let _ = write!(prefix, "{{\"seq\":{},\"chain\":\"", record.seq);
        push_hex(&mut prefix, &record.chain);
        prefix.extend_from_slice(b"\",\"salt\":\"");
        push_hex(&mut prefix, &record.salt);
        prefix.extend_from_slice(b"\",\"entry\":");
        let pushed = self.push(&prefix).and_then(|()| self.push(&record.body)).and_then(|()| self.push(b"}\n"));
        self.prefix = prefix;
        Ok(pushed?)
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), CompressError> {
        self.crc.update(bytes);
        while !bytes.is_empty() {
            let before = self.deflate.total_in();
            self.packed.reserve(ROOM);
            self.deflate.compress_vec(bytes, &mut self.packed, FlushCompress::None)?;
            bytes = &bytes[(self.deflate.total_in() - before) as usize..];
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), CompressError> {
        loop {
            self.packed.reserve(ROOM);
            if self.deflate.compress_vec(&[], &mut self.packed, FlushCompress::Finish)? == Status::StreamEnd {
                break;
            }
        }
        self.packed.extend_from_slice(&self.crc.sum().to_le_bytes());
        self.packed.extend_from_slice(&self.crc.amount().to_le_bytes());
        Ok(())
    }
}

fn push_hex(text: &mut Vec<u8>, bytes: &[u8]) {
    let digits = text.len();
    text.resize(digits + HEXLOWER.encode_len(bytes.len()), 0);
    HEXLOWER.encode_mut(bytes, &mut text[digits..]);
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use bytes::Bytes;
    use flate2::read::GzDecoder;

    use super::*;

    fn unpacked(packed: &[u8]) -> String {
        let mut text = String::new();
        GzDecoder::new(packed).read_to_string(&mut text).expect("whole gzip with the right checksum");
        text
    }

    #[test]
    fn a_line_is_as_documented_and_the_body_verbatim() {
        let record =
            |seq, body: &str| Record { seq, salt: [0xab; 16], chain: [0x01; 32], body: Bytes::from(body.to_owned()) };
        let mut packer = Packer::new();
        let text = unpacked(packer.pack(&[record(17, r#"{"v" : 1}"#), record(18, "{}")]).unwrap());
        let (chain, salt) = ("01".repeat(32), "ab".repeat(16));
        let line = |seq, body| format!(r#"{{"seq":{seq},"chain":"{chain}","salt":"{salt}","entry":{body}}}"#);
        assert_eq!(text, format!("{}\n{}\n", line(17, r#"{"v" : 1}"#), line(18, "{}")));
    }

    #[test]
    fn a_packer_packs_again_after_a_large_batch_and_after_a_refused_one() {
        let mut packer = Packer::new();
        let mut seed = 1_u64;
        let mut noise = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            format!("{seed:x}")
        };
        let body: Bytes = (0..20_000).map(|_| noise()).collect::<String>().into();
        let large = Record { seq: 1, salt: [0; 16], chain: [0; 32], body: body.clone() };
        let broken = Record { body: Bytes::from_static(b"{\n}"), seq: 2, ..large.clone() };
        assert!(
            unpacked(packer.pack(std::slice::from_ref(&large)).unwrap()).contains(std::str::from_utf8(&body).unwrap())
        );
        assert!(matches!(packer.pack(&[large, broken.clone()]), Err(PackError::LineBreak { seq: 2 })));
        let small = Record { body: Bytes::from_static(b"{}"), ..broken };
        assert!(unpacked(packer.pack(&[small]).unwrap()).starts_with(r#"{"seq":2,"#));
        assert!(packer.packed.capacity() <= KEPT + ROOM);
    }
}
