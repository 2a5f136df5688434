//! A reader for tests in virtual time, and the wire between it and a bus. Its frames are the crate's; libosdp's reader is
//! in the simulator.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use osdp::{
    Address, ControlByte, ParsedPacket, Sqn,
    packet::{CtrlFlags, PacketBuilder, Scb, ScsType},
    reply::CCrypt,
    secure::{
        Cryptogrammed, Direction, Disconnected, Secure, Session,
        crypto::{SessionKeys, client_cryptogram},
        seal, unseal,
    },
};

use super::{bus::Bus, happening::Happening};

const RANDOM: [u8; 8] = [0xB0; 8];

/// A reader as the standard has it: it repeats its answer when a command comes again.
pub(super) struct TestReader {
    pub(super) address: u8,
    pub(super) key: [u8; 16],
    pub(super) takes_factory_key: bool,
    pub(super) has_channel: bool,
    pub(super) silent: bool,
    /// What it answers to polls, in turn: code and data.
    pub(super) news: VecDeque<(u8, Vec<u8>)>,
    /// Answered instead of the next command, in the clear.
    pub(super) instead: Option<(u8, Vec<u8>)>,
    /// Codes and sequence numbers of the commands that it understood.
    pub(super) commands: Vec<(u8, u8)>,
    /// Bytes of the commands that came for it.
    pub(super) frames: Vec<Vec<u8>>,
    pub(super) channel: Channel,
    pub(super) last: Option<(u8, Vec<u8>)>,
}

pub(super) enum Channel {
    None,
    Shaking(Session<Cryptogrammed>),
    Open(Session<Secure>),
}

impl TestReader {
    pub(super) fn new(address: u8, key: [u8; 16]) -> Self {
        Self {
            address,
            key,
            takes_factory_key: false,
            has_channel: true,
            silent: false,
            news: VecDeque::new(),
            instead: None,
            commands: Vec::new(),
            frames: Vec::new(),
            channel: Channel::None,
            last: None,
        }
    }

    pub(super) fn from_factory(address: u8) -> Self {
        Self { takes_factory_key: true, ..Self::new(address, [0; 16]) }
    }

    pub(super) fn lay(&mut self, bits: u16, data: &[u8]) {
        let [low, high] = bits.to_le_bytes();
        self.news.push_back((0x50, [&[0, 1, low, high], data].concat()));
    }

    pub(super) fn polls(&self) -> usize {
        self.commands.iter().filter(|(code, _)| *code == 0x60).count()
    }

    pub(super) fn hear(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        let bytes = bytes.strip_prefix(&[0xFF]).unwrap_or(bytes);
        let (packet, length) = ParsedPacket::parse(bytes).ok()?;
        if packet.addr.as_byte() != self.address || self.silent {
            return None;
        }
        self.frames.push(bytes.to_vec());
        let sqn = packet.ctrl.sqn.value();
        if sqn == 0 {
            self.channel = Channel::None;
        } else if let Some((_, answer)) = self.last.as_ref().filter(|(last, _)| *last == sqn) {
            return Some(answer.clone());
        }
        let answer = match self.instead.take() {
            Some((code, data)) => self.plain(sqn, code, data),
            None => self.answer(sqn, &packet, &bytes[..length]),
        };
        self.last = Some((sqn, answer.clone()));
        Some(answer)
    }

    fn answer(&mut self, sqn: u8, packet: &ParsedPacket<'_>, bytes: &[u8]) -> Vec<u8> {
        let channel = std::mem::replace(&mut self.channel, Channel::None);
        if let Channel::Open(mut session) = channel {
            let Ok(data) = unseal(&mut session, packet, bytes) else {
                return self.plain(sqn, 0x41, vec![6]);
            };
            self.commands.push((packet.code, sqn));
            let (code, answer) = self.obey(packet.code, &data);
            let address = Address::reply(self.address).unwrap();
            let sealed = seal(
                &mut session,
                address,
                Sqn::new(sqn).unwrap(),
                Direction::PdToAcu,
                !answer.is_empty(),
                code,
                &answer,
            );
            if packet.code != 0x75 {
                self.channel = Channel::Open(session);
            }
            return sealed.unwrap();
        }
        self.channel = channel;
        self.commands.push((packet.code, sqn));
        match packet.code {
            0x76 if self.has_channel => self.challenged(sqn, packet),
            0x77 if self.has_channel => self.proved(sqn, packet.data),
            0x76 | 0x77 => self.plain(sqn, 0x41, vec![5]),
            0x61 | 0x62 => {
                let (code, data) = self.obey(packet.code, &[]);
                self.plain(sqn, code, data)
            }
            _ if self.has_channel => self.plain(sqn, 0x41, vec![6]),
            code => {
                let (code, data) = self.obey(code, packet.data);
                self.plain(sqn, code, data)
            }
        }
    }

    fn obey(&mut self, code: u8, data: &[u8]) -> (u8, Vec<u8>) {
        match code {
            0x60 => self.news.pop_front().unwrap_or((0x40, Vec::new())),
            0x61 => (0x45, vec![0xCA, 0x44, 0x6C, 1, 2, 0x78, 0x56, 0x34, 0x12, 1, 2, 3]),
            0x62 => (0x46, vec![3, 1, 0, 4, 4, 1, 5, 2, 1, 6, 1, 2, 8, 1, 0, 9, u8::from(self.has_channel), 1]),
            0x64 => (0x48, vec![0, 0]),
            0x75 => {
                self.key.copy_from_slice(&data[2..]);
                self.takes_factory_key = false;
                (0x40, Vec::new())
            }
            _ => (0x40, Vec::new()),
        }
    }

    fn challenged(&mut self, sqn: u8, packet: &ParsedPacket<'_>) -> Vec<u8> {
        let wants_factory = packet.scb.unwrap().data == [0];
        let key = if wants_factory && self.takes_factory_key { osdp::secure::SCBK_D } else { self.key };
        let random = packet.data.try_into().unwrap();
        let keys = SessionKeys::derive(&key, &random);
        let cryptogram = client_cryptogram(&keys.s_enc, &random, &RANDOM);
        let answer = CCrypt { cuid: [7; 8], rnd_b: RANDOM, client_cryptogram: cryptogram };
        let session = Session::<Disconnected>::new(key).challenge(random);
        self.channel = Channel::Shaking(session.receive_ccrypt(&answer).unwrap());
        self.shake(sqn, ScsType::Scs12, 0x76, answer.encode().unwrap())
    }

    fn proved(&mut self, sqn: u8, cryptogram: &[u8]) -> Vec<u8> {
        let Channel::Shaking(session) = std::mem::replace(&mut self.channel, Channel::None) else {
            return self.plain(sqn, 0x41, vec![6]);
        };
        if session.server_cryptogram() != cryptogram {
            return self.plain(sqn, 0x41, vec![5]);
        }
        let mac = session.initial_rmac();
        self.channel = Channel::Open(session.confirm_rmac_i(&mac).unwrap());
        self.shake(sqn, ScsType::Scs14, 0x78, mac.to_vec())
    }

    fn shake(&self, sqn: u8, block: ScsType, code: u8, data: Vec<u8>) -> Vec<u8> {
        let flags = CtrlFlags::USE_CRC | CtrlFlags::HAS_SCB;
        PacketBuilder {
            addr: Address::reply(self.address).unwrap(),
            ctrl: ControlByte::new(Sqn::new(sqn).unwrap(), flags),
            scb: Some(Scb::new(block, [1])),
            code,
            data,
        }
        .encode()
        .unwrap()
    }

    fn plain(&self, sqn: u8, code: u8, data: Vec<u8>) -> Vec<u8> {
        let control = ControlByte::new(Sqn::new(sqn).unwrap(), CtrlFlags::USE_CRC);
        PacketBuilder::plain(Address::reply(self.address).unwrap(), control, code, data).encode().unwrap()
    }
}

/// What the wire does to an answer on its way.
pub(super) type Tamper = Box<dyn FnMut(Vec<u8>) -> Vec<u8>>;

/// A bus and its readers in virtual time.
pub(super) struct Wire {
    pub(super) now: Instant,
    pub(super) bus: Bus,
    pub(super) readers: Vec<TestReader>,
    /// How long a reader takes to answer.
    pub(super) answers_after: Duration,
    pub(super) tamper: Tamper,
    /// Commands for readers that don't answer.
    pub(super) tries_at_the_silent: u64,
    /// Answers as they left their readers.
    pub(super) answers: Vec<Vec<u8>>,
}

impl Wire {
    pub(super) fn new(now: Instant, bus: Bus, readers: Vec<TestReader>) -> Self {
        let answers_after = Duration::from_millis(10);
        Self {
            now,
            bus,
            readers,
            answers_after,
            tamper: Box::new(|bytes| bytes),
            tries_at_the_silent: 0,
            answers: Vec::new(),
        }
    }

    /// Lets time pass, and says what happened to whom.
    pub(super) fn run(&mut self, time: Duration) -> Vec<(usize, Happening)> {
        let end = self.now + time;
        let mut happened = Vec::new();
        while self.now < end {
            self.bus.handle_timeout(self.now);
            if let Some(command) = self.bus.poll_transmit(self.now) {
                for reader in &mut self.readers {
                    self.tries_at_the_silent += u64::from(reader.silent && command.get(2) == Some(&reader.address));
                    let Some(answer) = reader.hear(&command) else { continue };
                    self.answers.push(answer.clone());
                    self.now += self.answers_after;
                    self.bus.handle_bytes(self.now, &(self.tamper)(answer));
                }
            } else {
                let wake_at = self.bus.poll_timeout().unwrap_or(end);
                self.now = wake_at.clamp(self.now, end);
            }
            happened.extend(std::iter::from_fn(|| self.bus.poll_event()));
        }
        happened
    }

    pub(super) fn seconds(&mut self, seconds: u64) -> Vec<(usize, Happening)> {
        self.run(Duration::from_secs(seconds))
    }
}
