//! What a reader's answers say: of itself, and of what happened at it.

use std::time::Instant;

use osdp::{
    Error,
    caps::FunctionCode,
    reply::{Keypad as KeypadReply, LStatR, PdCap, PdId, Raw, ReplyCode},
};

use super::{Peer, Shows};
use crate::readers::osdp::{
    happening::{Happening, Identity},
    keypad::Typed,
    link::Reply,
    wiegand::{self, CardRefusal},
};

impl Peer {
    pub(super) fn take_identity(&mut self, reply: &Reply) {
        let secure = self.link.is_open();
        self.identity = match PdId::decode(&reply.data) {
            Ok(id) => Identity {
                vendor: id.vendor_oui,
                model: id.model,
                version: id.version,
                serial: id.serial,
                firmware: id.firmware,
                secure,
            },
            Err(_) => Identity { secure, ..Identity::default() },
        };
    }

    pub(super) fn take_shows(&mut self, reply: &Reply) {
        let caps = PdCap::decode(&reply.data).unwrap_or_else(|_| PdCap::new(Vec::new()));
        let has = |code| caps.capability(code).is_some_and(|capability| capability.compliance > 0);
        self.shows = Shows {
            lamp: has(FunctionCode::LedControl),
            buzzer: has(FunctionCode::AudibleOutput),
            text: has(FunctionCode::TextOutput),
        };
    }

    pub(super) fn take_news(
        &mut self,
        now: Instant,
        code: Result<ReplyCode, Error>,
        data: &[u8],
        tell: &mut dyn FnMut(Happening),
    ) {
        match code {
            Ok(ReplyCode::Raw) => self.take_card(data, tell),
            Ok(ReplyCode::Keypad) => self.take_keys(now, data, tell),
            Ok(ReplyCode::LStatR) => self.take_status(data, tell),
            _ => {}
        }
    }

    fn take_card(&mut self, data: &[u8], tell: &mut dyn FnMut(Happening)) {
        let number = match Raw::decode(data) {
            Ok(raw) => wiegand::number(raw.bit_count, &raw.bits),
            Err(_) => Err(CardRefusal::Short),
        };
        match number {
            Ok(number) => tell(Happening::Card(number)),
            Err(refusal) => tell(Happening::CardRefused(refusal)),
        }
    }

    fn take_keys(&mut self, now: Instant, data: &[u8], tell: &mut dyn FnMut(Happening)) {
        let Ok(keys) = KeypadReply::decode(data) else {
            self.counts.unfit += 1;
            return;
        };
        for key in keys.digits {
            match self.keypad.press(now, key) {
                Some(Typed::Code(code)) => tell(Happening::Code(code)),
                Some(Typed::WrongLength) => tell(Happening::CodeRefused),
                None => {}
            }
        }
    }

    pub(super) fn take_status(&mut self, data: &[u8], tell: &mut dyn FnMut(Happening)) {
        let Ok(status) = LStatR::decode(data) else { return };
        let (tamper, power_failing) = (status.tamper != 0, status.power != 0);
        if std::mem::replace(&mut self.tamper, tamper) != tamper {
            tell(Happening::Tamper(tamper));
        }
        if std::mem::replace(&mut self.power_failing, power_failing) != power_failing {
            tell(Happening::PowerFailing(power_failing));
        }
    }
}
