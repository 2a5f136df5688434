//! What a reader tells the shell.

use std::time::Instant;

use schoolgate_core::{credential::CredentialId, id::ReaderId, text, text::Lang};

use super::FaultCounts;

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
    Card(CredentialId),
    /// The reader's port is open.
    Up,
    /// The reader can't be heard, and why. Told once when it goes, and again if the reason turns into one that somebody
    /// has to do something about.
    Down(DownReason),
    /// What was wrong on the line since the last report; at most once per
    /// [`FAULT_REPORT_EVERY`](super::port::FAULT_REPORT_EVERY).
    Faults(FaultCounts),
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
            Self::Failed(why) => text!(lang, zh: "无法使用该串口：{why}", en: "the port can't be used: {why}"),
        }
    }
}
