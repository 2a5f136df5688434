//! Notifications over MQTT 5: follows the ledger with a durable cursor and moves it only when the broker has everything.
//!
//! [`Notifier`] is the one task that talks to the broker. It reads [`Letter`]s from a [`Feed`], publishes their messages
//! with QoS 1 in the order of the ledger, and tells [`Progress`] how far every message has been acknowledged. The
//! ledger is the only queue: nothing but a window's worth of messages is held in memory, and nothing is lost by a
//! crash, a cut cable or a month without a broker. Receivers may see a message twice, always with the same id.
//!
//! It must never move the cursor over a message that the broker has not acknowledged, unless that message can never
//! succeed or its time is over; these are counted in [`NotifyStatus`]. It must never log a topic or a payload: topics
//! hold guardians' tokens, payloads hold children's data. (rumqttc logs topics at debug level through the `log` crate;
//! do not bridge `log` to `tracing` below info.)
//!
//! How it is built:
//!
//! - `window.rs` does the bookkeeping, without I/O.
//! - `wire.rs` is a connection's bytes, `connection.rs` its packets: rumqttc's codec and state in a loop of our own (see
//!   `gateway/docs/decisions/0007`). All messages that are there go with one write.
//! - `session.rs` is one connection from its CONNACK to its end. Every connection begins with a fresh state.
//! - `notifier.rs` connects again after a pause that grows.

mod connection;
mod entry_feed;
mod failure;
mod feed;
mod fresh;
mod health;
mod late;
mod message;
mod notifier;
mod payload;
mod reply;
mod same_state;
mod session;
mod settings;
mod standing;
mod status;
mod tls;
mod window;
mod wire;

pub use entry_feed::EntryFeed;
pub use feed::{Feed, FeedError, Letter, Progress};
pub use fresh::FreshEntries;
pub use health::{Backlog, HEALTH_EVERY, Health, OneReader, ReaderHealth, RosterHealth};
pub use message::{Message, PACKET_LIMIT_BYTES, Unfit};
pub use notifier::{BACKOFF_MAX, BACKOFF_MIN, FEED_PAUSE, Notifier, Received};
pub use payload::MessageWriter;
pub use reply::{Answer, NotTaken, REPLY_MAX_BYTES, ReplyCounts, ReplyDesk, reply_filter};
pub use same_state::SameState;
pub use session::{ACK_LEISURE, ACK_PATIENCE, STOP_PATIENCE};
pub use settings::{
    CONNECT_PATIENCE_SECS, DEFAULT_KEEP_ALIVE, DEFAULT_WINDOW, KEEP_ALIVE_MAX, KEEP_ALIVE_MIN, Login, NotifySettings,
    SUBSCRIPTIONS_MAX, SettingsError, WINDOW_MAX,
};
pub use status::{NotifyStatus, Trouble};
pub use tls::{ClientFiles, TlsError, TlsFiles};

#[cfg(test)]
mod docs_tests;
