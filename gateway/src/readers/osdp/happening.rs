//! What a reader on a bus tells, and what can be wrong with it.

use schoolgate_core::{text, text::Lang};

use super::wiegand::CardRefusal;
use crate::readers::CardNumber;

/// Something that a reader told, or that became known about it.
#[derive(Clone, PartialEq, Eq)]
pub enum Happening {
    /// It answers, and its answers can be believed.
    Up(Identity),
    /// It can't be used, and why. Told once, and again when the reason becomes another.
    Down(Unusable),
    /// It has a key of its own now, and proved it: the factory's key is not taken from it any more.
    Enrolled(Identity),
    /// It has another key than the one that it was given. Told at each try: somebody may have replaced it, and have made
    /// the gateway forget that it has a key.
    KeyRefused,
    /// A card was read.
    Card(CardNumber),
    /// A card was read whose number is none.
    CardRefused(CardRefusal),
    /// A code of eight digits was typed.
    Code(String),
    /// Digits were typed and ended that are no code.
    CodeRefused,
    /// Its case was opened (true) or closed again.
    Tamper(bool),
    /// Its power fails (true) or is back.
    PowerFailing(bool),
}

/// What a reader says it is (PDID).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The maker's number (IEEE OUI).
    pub vendor: [u8; 3],
    /// The maker's model.
    pub model: u8,
    /// The model's version.
    pub version: u8,
    /// The reader's serial number.
    pub serial: u32,
    /// Its firmware: major, minor, build.
    pub firmware: [u8; 3],
    /// Whether what it tells is encrypted and authenticated.
    pub secure: bool,
}

/// Why a reader can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Nothing is heard from its address.
    Silent,
    /// It answers, but has another key than ours.
    WrongKey,
    /// It has not been given a key of ours, and the configuration does not allow that.
    NotEnrolled,
    /// It does not take the key that it is given.
    KeyNotTaken,
    /// It has no secure channel.
    NoSecureChannel,
}

impl Unusable {
    /// The reason and what would help, for people.
    pub fn say(self, lang: Lang) -> String {
        match self {
            Self::Silent => text!(lang,
                zh: "OSDP 读卡器没有应答，请检查供电、A/B 接线、地址和波特率",
                en: "the OSDP reader does not answer: check its power, the wires A and B, its address and its baud rate"),
            Self::WrongKey => text!(lang,
                zh: "OSDP 读卡器的密钥与本机不符，刷卡一律不收。若更换过读卡器或恢复过出厂设置，请删除数据目录 osdp 中该读卡器的 .enrolled 文件；否则可能有人接入了别的设备",
                en: "the OSDP reader has another key than ours, so none of its cards is taken. If it was replaced or reset, \
                     delete its .enrolled file in the data folder's osdp; if not, somebody may have put another device there"),
            Self::NotEnrolled => text!(lang,
                zh: "OSDP 读卡器没有本机的密钥，而配置为 enrol = false。请先写入密钥，或改为 enrol = true",
                en: "the OSDP reader does not have our key, and enrol is false: set its key first, or set enrol to true"),
            Self::KeyNotTaken => text!(lang,
                zh: "OSDP 读卡器不接受新密钥，请恢复其出厂设置或打开其安装模式",
                en: "the OSDP reader does not take its new key: reset it, or switch on its installation mode"),
            Self::NoSecureChannel => text!(lang,
                zh: "OSDP 读卡器不支持安全通道，刷卡一律不收",
                en: "the OSDP reader has no secure channel, so none of its cards is taken"),
        }
    }
}

/// What went over a bus, counted for one reader since it was last asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Commands answered.
    pub answered: u64,
    /// Commands not answered in time.
    pub unanswered: u64,
    /// Bytes outside any frame, and beginnings of frames that were none.
    pub broken: u64,
    /// Frames that nobody had asked for: late, or from another address.
    pub stray: u64,
    /// Frames without encryption where it is required.
    pub in_the_clear: u64,
    /// Frames whose authentication was wrong: replayed, forged or out of step.
    pub forged: u64,
    /// Frames with a checksum instead of a CRC, or answers that don't fit the question.
    pub unfit: u64,
    /// Commands that the reader refused (NAK).
    pub refused: u64,
}
