//! What a reader tells the shell.

use std::{fmt, time::Instant};

use schoolgate_cards::pcsc::Away;
use schoolgate_core::{credential::CredentialId, id::ReaderId, proof::Proof, text, text::Lang};

use super::{FaultCounts, LooksLike, osdp::Unusable};

/// Something that happened at a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderEvent {
    /// At which one.
    pub reader: ReaderId,
    /// When: for a card, the moment at which its frame's last byte was read.
    pub at: Instant,
    /// What.
    pub what: ReaderHappening,
}

/// What can happen at a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReaderHappening {
    /// A card was presented.
    Card {
        /// Which.
        credential: CredentialId,
        /// What it proved.
        proof: Proof,
    },
    /// A card claims to be this one, with a message that this card did not make.
    Cloned(CredentialId),
    /// A line of text was scanned, without its end: a pickup pass.
    Text(Unsaid),
    /// Digits were typed or scanned: a pickup pass's code.
    Digits(Unsaid),
    /// The reader is heard.
    Up,
    /// The reader can't be heard, and why. Told once when it goes, and again if the reason turns into one that somebody
    /// has to do something about.
    Down(DownReason),
    /// Whether somebody is at the reader's housing.
    Tamper(bool),
    /// Whether the reader's power is as it should be.
    Power(bool),
    /// The reader is heard, but something is wrong with it.
    Trouble {
        /// What.
        trouble: Trouble,
        /// Whether it has begun; else it is over.
        on: bool,
    },
    /// What was wrong on the line since the last report; at most once per
    /// [`FAULT_REPORT_EVERY`](super::desk::FAULT_REPORT_EVERY).
    Faults(FaultCounts),
}

/// Something that was scanned or typed and must not be printed: whoever has it may fetch a child.
#[derive(Clone, PartialEq, Eq)]
pub struct Unsaid(String);

impl Unsaid {
    /// Keeps this text out of logs.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn into_text(self) -> String {
        self.0
    }
}

impl fmt::Debug for Unsaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} characters", self.0.chars().count())
    }
}

/// What can be wrong with a reader that is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// It presents more cards than people could; if it goes on, most are dropped.
    Flood,
    /// What comes over the line is not what this kind of reader says, and this is what it looks like.
    Unintelligible(Option<LooksLike>),
}

impl Trouble {
    /// What is wrong and what would help, for people.
    pub fn say(self, lang: Lang) -> String {
        match self {
            Self::Flood => text!(lang,
                zh: "读卡器刷卡过于频繁，继续如此多余的将被丢弃，请检查或更换",
                en: "the reader presents more cards than people could; if it goes on, most are dropped: check or replace it"),
            Self::Unintelligible(looks_like) => unintelligible(looks_like, lang),
        }
    }
}

fn unintelligible(looks_like: Option<LooksLike>, lang: Lang) -> String {
    match looks_like.map(LooksLike::kind) {
        Some(kind) => text!(lang,
            zh: "线路上的数据像是另一种读卡器（kind = \"{kind}\"），请改正配置中的型号",
            en: "what comes over the line looks like another kind of reader: is it kind = \"{kind}\"?"),
        None => text!(lang,
            zh: "线路上的数据读不懂：速率不对或是另一种读卡器，请检查配置中的 baud 和 kind",
            en: "what comes over the line makes no sense: another baud rate, or another kind of reader; check baud and kind in the configuration"),
    }
}

impl ReaderHappening {
    /// Whether somebody stands there with a card, a pass or a code.
    pub fn is_presentation(&self) -> bool {
        matches!(self, Self::Card { .. } | Self::Cloned(_) | Self::Text(_) | Self::Digits(_))
    }
}

/// Why a reader can't be heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DownReason {
    /// The line hung up: unplugged, or its driver went.
    HungUp,
    /// There is no such port: not plugged in, or named wrongly.
    NotThere,
    /// This user may not open it.
    NoPermission,
    /// Another process has it.
    Busy,
    /// The line is open, but the reader does not answer what it is asked.
    NoAnswer,
    /// A reader on an OSDP bus can't be used.
    Osdp(Unusable),
    /// Something else answers, or at another baud rate, and this is what it looks like.
    Unintelligible(Option<LooksLike>),
    /// A PC/SC reader can't be had.
    Pcsc(Away),
    /// The operating system said something else.
    Failed(String),
}

impl DownReason {
    /// The reason and what would help, for people.
    pub fn say(&self, lang: Lang) -> String {
        match self {
            Self::HungUp => {
                text!(lang, zh: "读卡器已断开，请检查接线", en: "the reader was unplugged: check its cable")
            }
            Self::NotThere => text!(lang,
                zh: "找不到该串口，请检查接线和配置中的路径",
                en: "there is no such port: check the cable, and the path in the configuration"),
            Self::NoPermission => text!(lang,
                zh: "没有打开该串口的权限，请把运行用户加入 dialout 组",
                en: "no permission to open the port: add the service's user to the group dialout"),
            Self::Busy => text!(lang,
                zh: "该串口正被其他程序占用，请关闭那个程序",
                en: "another process has the port open: stop it"),
            Self::NoAnswer => text!(lang,
                zh: "串口已打开，但读卡器没有应答，请检查供电、接线、型号和速率",
                en: "the port is open, but the reader does not answer: check its power, its wires, its kind and its baud rate"),
            Self::Osdp(why) => why.say(lang),
            Self::Unintelligible(looks_like) => unintelligible(*looks_like, lang),
            Self::Pcsc(away) => super::pcsc::say(away, lang),
            Self::Failed(why) => text!(lang, zh: "无法使用该串口：{why}", en: "the port can't be used: {why}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_scanned_is_not_printed() {
        let happening = ReaderHappening::Text(Unsaid::new("SGP1.abcdef"));
        assert_eq!(format!("{happening:?}"), "Text(11 characters)");
    }
}
