//! One reader's side of the wire: commands into frames, frames into replies, encrypted once the channel is open.
//!
//! Frames, typed messages and the secure channel's arithmetic are the crate `osdp`'s.

use osdp::{
    Address, ControlByte, Error, Sqn,
    command::{Chlng, Command, KeySet, SCrypt},
    packet::{CtrlFlags, PacketBuilder, ParsedPacket, Scb, ScsType},
    reply::{CCrypt, RMacI},
    secure::{Challenged, Cryptogrammed, Direction, Disconnected, Secure, Session, seal, unseal},
};

use super::{frame, keys::Scbk};

/// Sent before each frame, so that a receiver's line has settled.
const MARK: u8 = 0xFF;
/// Codes of replies that this module itself looks at.
const ACK: u8 = 0x40;
const NAK: u8 = 0x41;
const BUSY: u8 = 0x79;
const KEYSET: u8 = 0x75;

/// Which key a handshake is tried with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Factory,
    Own,
}

/// How far the secure channel is. Holds keys: not printable.
enum Channel {
    None,
    Challenged(Session<Challenged>),
    Cryptogrammed(Session<Cryptogrammed>),
    Open(Session<Secure>),
}

/// The wire to one address.
pub(super) struct Link {
    address: u8,
    channel: Channel,
    sqn: Sqn,
    sent: Option<Sent>,
}

/// The command that waits for its reply. The same bytes go out when it is repeated: a reader that has answered already
/// then repeats its answer, and the chain of authentication does not break.
struct Sent {
    bytes: Vec<u8>,
    code: u8,
    sqn: Sqn,
}

/// A reply that answers the command under way.
pub(super) struct Reply {
    pub(super) code: u8,
    pub(super) data: Vec<u8>,
}

/// What a frame was.
pub(super) enum Heard {
    Reply(Reply),
    /// The reader has the command, and wants to be asked again later.
    Busy,
    /// The reader has dropped the secure channel.
    ChannelLost,
    Ignored(Ignored),
}

/// Why a frame was not looked at further; the right one may still come.
pub(super) enum Ignored {
    Stray,
    InTheClear,
    Forged,
    Unfit,
}

impl Link {
    pub(super) fn new(address: u8) -> Self {
        Self { address, channel: Channel::None, sqn: Sqn::ZERO, sent: None }
    }

    /// Begins anew: sequence number 0 tells the reader to do so as well.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.address);
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.channel, Channel::Open(_))
    }

    /// The command under way once more, if there is one.
    pub(super) fn repeat(&self) -> Option<Vec<u8>> {
        self.sent.as_ref().map(|sent| sent.bytes.clone())
    }

    /// Gives the command under way up. The next has the same sequence number, as if that had never been sent.
    pub(super) fn send(&mut self, command: &Command) -> Result<Vec<u8>, Error> {
        let (code, data) = (command.code().as_byte(), command.encode_data()?);
        let address = Address::pd(self.address)?;
        let packet = match &mut self.channel {
            Channel::Open(session) => {
                seal(session, address, self.sqn, Direction::AcuToPd, !data.is_empty(), code, &data)?
            }
            _ => PacketBuilder::plain(address, ControlByte::new(self.sqn, CtrlFlags::USE_CRC), code, data).encode()?,
        };
        Ok(self.sending(code, &packet))
    }

    /// Begins the handshake.
    pub(super) fn challenge(&mut self, key: Scbk, which: Which, random: [u8; 8]) -> Result<Vec<u8>, Error> {
        self.channel = Channel::Challenged(Session::<Disconnected>::new(key.expose()).challenge(random));
        self.handshake(&Command::Chlng(Chlng::new(random)), ScsType::Scs11, which)
    }

    /// Proves to the reader that we have the key. An error if it has not yet proved that it does.
    pub(super) fn prove(&mut self, which: Which) -> Result<Vec<u8>, Error> {
        let Channel::Cryptogrammed(session) = &self.channel else { return Err(Error::BadMac) };
        let cryptogram = session.server_cryptogram();
        self.handshake(&Command::SCrypt(SCrypt::new(cryptogram)), ScsType::Scs13, which)
    }

    fn handshake(&mut self, command: &Command, block: ScsType, which: Which) -> Result<Vec<u8>, Error> {
        let code = command.code().as_byte();
        let packet = PacketBuilder {
            addr: Address::pd(self.address)?,
            ctrl: ControlByte::new(self.sqn, CtrlFlags::USE_CRC | CtrlFlags::HAS_SCB),
            scb: Some(Scb::new(block, [u8::from(which == Which::Own)])),
            code,
            data: command.encode_data()?,
        };
        Ok(self.sending(code, &packet.encode()?))
    }

    fn sending(&mut self, code: u8, packet: &[u8]) -> Vec<u8> {
        let bytes = [&[MARK], packet].concat();
        self.sent = Some(Sent { bytes: bytes.clone(), code, sqn: self.sqn });
        bytes
    }

    /// The reader's answer to the challenge. False: it has another key.
    pub(super) fn take_cryptogram(&mut self, answer: &CCrypt) -> bool {
        let Channel::Challenged(session) = std::mem::replace(&mut self.channel, Channel::None) else { return false };
        let session = session.receive_ccrypt(answer).ok();
        self.channel = session.map_or(Channel::None, Channel::Cryptogrammed);
        matches!(self.channel, Channel::Cryptogrammed(_))
    }

    /// The reader's first authentication code. False: it is not what it should be.
    pub(super) fn take_first_mac(&mut self, answer: &RMacI) -> bool {
        let Channel::Cryptogrammed(session) = std::mem::replace(&mut self.channel, Channel::None) else { return false };
        let session = session.confirm_rmac_i(&answer.r_mac_i).ok();
        self.channel = session.map_or(Channel::None, Channel::Open);
        self.is_open()
    }

    /// The command that gives the reader this key. Only ever sent through an open channel.
    pub(super) fn set_key(&mut self, key: Scbk) -> Result<Vec<u8>, Error> {
        if !self.is_open() {
            return Err(Error::BadMac);
        }
        self.send(&Command::KeySet(KeySet::scbk(key.expose())))
    }

    /// Takes a frame from this address. After [`Heard::Reply`], the next command can be sent.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Heard {
        let (Ok(packet), Some(sent)) = (frame::parse(bytes), &self.sent) else { return Heard::Ignored(Ignored::Stray) };
        // A checksum of eight bits lets one damaged frame of 256 through.
        if !packet.ctrl.use_crc() {
            return Heard::Ignored(Ignored::Unfit);
        }
        if packet.code == BUSY && packet.scb.is_none() {
            return Heard::Busy;
        }
        if packet.ctrl.sqn != sent.sqn {
            return Heard::Ignored(Ignored::Stray);
        }
        let opened = match (&mut self.channel, packet.scb.map(|block| block.ty)) {
            (Channel::Open(session), Some(ScsType::Scs16 | ScsType::Scs18)) => {
                unseal(session, &packet, bytes).map_err(|_| Heard::Ignored(Ignored::Forged))
            }
            (Channel::Open(_), None) => in_the_clear(&packet, sent.code),
            (
                Channel::None | Channel::Challenged(_) | Channel::Cryptogrammed(_),
                None | Some(ScsType::Scs12 | ScsType::Scs14),
            ) => Ok(packet.data.to_vec()),
            _ => Err(Heard::Ignored(Ignored::Forged)),
        };
        match opened {
            Ok(data) => {
                self.sqn = sent.sqn.next();
                self.sent = None;
                Heard::Reply(Reply { code: packet.code, data })
            }
            Err(heard) => heard,
        }
    }
}

/// What may come unencrypted through an open channel: that it is open no more, which some readers also say by
/// acknowledging their new key so.
fn in_the_clear(packet: &ParsedPacket<'_>, asked: u8) -> Result<Vec<u8>, Heard> {
    match packet.code {
        NAK => Err(Heard::ChannelLost),
        ACK if asked == KEYSET => Ok(Vec::new()),
        _ => Err(Heard::Ignored(Ignored::InTheClear)),
    }
}

#[cfg(test)]
mod tests {
    use osdp::{command::Poll, reply::ReplyCode};

    use super::*;

    /// `openssl enc -aes-128-ecb` and a CRC of five lines made these, from the standard's Annex D and neither of our
    /// libraries: key 0A…0A, our challenge B0…B7, the reader's C0…C7, address 0x65.
    const CHALLENGE: &str = "536513000c03110176b0b1b2b3b4b5b6b7ddbf";
    const CRYPTOGRAM: &str = "53e52b000c031201760000000000000000c0c1c2c3c4c5c6c72ea3c9a870aa3146e6d758b1d4d0f224491b";
    const PROOF: &str = "53651b000d03130177d0402bed75f71b36c5cd666965f69b38bf52";
    const FIRST_MAC: &str = "53e51b000d031401788c04f2a507b8660dabe68340515757259303";
    const SECURE_POLL: &str = "53650e000e021560e2aab80cece3";
    /// Facility 1, card 1, in 26 bits.
    const SECURE_CARD: &str = "53e51e000e021850b165aee2d866faa2c436bce5e2568c2f44bd8a441b32";

    fn hex(bytes: &[u8]) -> String {
        bytes.strip_prefix(&[MARK]).unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    fn reply(link: &mut Link, frame: &str) -> Reply {
        let Heard::Reply(reply) = link.hear(&bytes(frame)) else { panic!("{frame} is no reply") };
        reply
    }

    #[test]
    fn commands_in_the_clear_are_the_standards() {
        assert_eq!(hex(&Link::new(0x65).send(&Command::Poll(Poll)).unwrap()), "5365080004606090");
        assert_eq!(hex(&Link::new(0).send(&Command::Id(osdp::command::Id::standard())).unwrap()), "53000900046100c066");
    }

    #[test]
    fn a_secure_channel_is_opened_and_a_card_read_as_computed_by_hand() {
        let key = Scbk::parse(&b"0a".repeat(16)).unwrap();
        let mut link = Link::new(0x65);
        let challenge = std::array::from_fn(|i| 0xB0 + i as u8);
        assert_eq!(hex(&link.challenge(key, Which::Own, challenge).unwrap()), CHALLENGE);
        let cryptogram = reply(&mut link, CRYPTOGRAM);
        assert!(link.take_cryptogram(&CCrypt::decode(&cryptogram.data).unwrap()));
        assert_eq!(hex(&link.prove(Which::Own).unwrap()), PROOF);
        let first_mac = reply(&mut link, FIRST_MAC);
        assert!(link.take_first_mac(&RMacI::decode(&first_mac.data).unwrap()));
        assert_eq!(hex(&link.send(&Command::Poll(Poll)).unwrap()), SECURE_POLL);
        let card = reply(&mut link, SECURE_CARD);
        assert_eq!(card.code, ReplyCode::Raw.as_byte());
        assert_eq!(card.data, [0, 1, 26, 0, 0x80, 0x80, 0x00, 0x80]);
    }
}
