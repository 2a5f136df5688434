//! What the publisher tells about itself, for health pages, metrics and alarms.

use rumqttc::v5::mqttbytes::v5::PubAckReason;
use tokio::time::Instant;

/// The state of the connection to the broker and of the cursor.
#[derive(Clone, Debug)]
pub struct NotifyStatus {
    /// Whether the broker has accepted the present connection.
    pub connected: bool,
    /// Since when it is connected, or not.
    pub since: Instant,
    /// The last entry all messages of which the broker has, or that were refused or expired.
    pub confirmed_through: u64,
    /// Messages handed to the connection and not yet acknowledged.
    pub in_flight: usize,
    /// Messages that can never succeed, passed over since the start.
    pub refused: u64,
    /// Messages passed over since the start because their time was over before they could be sent.
    pub expired: u64,
    /// Messages sent again since the start.
    pub resends: u64,
    /// Messages from the broker that found the inbox full, since the start.
    pub inbox_overflows: u64,
    /// Subscriptions that the broker refuses at present: replies or commands will not arrive.
    pub subscriptions_refused: usize,
    /// What failed last; `None` once the connection stands, or the cursor moves, again.
    pub last_error: Option<Trouble>,
}

impl NotifyStatus {
    pub(super) fn new(confirmed_through: u64) -> Self {
        Self {
            connected: false,
            since: Instant::now(),
            confirmed_through,
            in_flight: 0,
            refused: 0,
            expired: 0,
            resends: 0,
            inbox_overflows: 0,
            subscriptions_refused: 0,
            last_error: None,
        }
    }
}

/// What keeps messages from the broker. Holds neither topics nor payloads.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The connection failed or ended; it is tried again.
    #[error("the connection to the broker failed: {0}")]
    Connection(String),
    /// The broker does not take a message now; the cursor waits at its entry.
    #[error("the broker holds back entry {seq}, topic class {class}: {reason:?}")]
    HeldBack {
        /// The entry.
        seq: u64,
        /// Who the message is for, without saying which one.
        class: &'static str,
        /// The broker's reason.
        reason: PubAckReason,
    },
    /// The broker refuses the gateway's own availability.
    #[error("the broker does not take the gateway's availability: {0:?}")]
    Availability(PubAckReason),
    /// The ledger cannot be read.
    #[error("{0}")]
    Feed(String),
}
