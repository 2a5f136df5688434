//! Where the broker is, who the gateway is there, and how much may be under way.

use std::{fmt, sync::Arc, time::Duration};

use rumqttc::v5::mqttbytes::{
    QoS,
    v5::{self, Connect, ConnectProperties, Filter, LastWill, LastWillProperties, Packet},
    valid_filter,
};
use rustls::ClientConfig;

use super::PACKET_LIMIT_BYTES;

/// Messages under way at most, unless the broker allows fewer. With 512 a rush costs no less, and its last messages come
/// 40 ms late: mosquitto stops passing on what it has while hundreds of its acknowledgements are neither read nor confirmed
/// by TCP (170 ms with 1,024).
pub const DEFAULT_WINDOW: u16 = 256;
/// The largest window that makes sense.
pub const WINDOW_MAX: u16 = 1024;
/// After this time without traffic the broker is asked for a sign of life; it must come within the same time again.
pub const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(10);
/// The shortest keep-alive: below it, a line that is only slow is taken for a dead one.
pub const KEEP_ALIVE_MIN: Duration = Duration::from_secs(5);
/// The longest keep-alive that MQTT can express, MQTT 5 §3.1.2.10.
pub const KEEP_ALIVE_MAX: Duration = Duration::from_secs(u16::MAX as u64);
/// Name resolution, TCP, TLS and the broker's answer together, in seconds.
pub const CONNECT_PATIENCE_SECS: u64 = 10;
/// Topic filters to subscribe to, at most.
pub const SUBSCRIPTIONS_MAX: usize = 64;

/// Messages from the broker not yet acknowledged by us, at most.
const RECEIVE_MAX: u16 = 64;

pub(super) const ONLINE: &str = "online";
pub(super) const OFFLINE: &str = "offline";

/// What the publisher must know.
#[derive(Clone, Debug)]
pub struct NotifySettings {
    /// The broker's host name or IP address.
    pub host: String,
    /// The broker's TCP port; 8883 with TLS and 1883 without are usual.
    pub port: u16,
    /// TLS, from [`TlsFiles::load`](super::TlsFiles::load); without it everything is readable on the way.
    pub tls: Option<Arc<ClientConfig>>,
    /// User name and password, when the broker asks for them.
    pub login: Option<Login>,
    /// The client id, of this gateway alone: a second client with it would take over the connection.
    pub client_id: String,
    /// The school's id, one level of the topics.
    pub school: String,
    /// The gateway's id, one level of the topics.
    pub gateway: String,
    /// What to subscribe to at every connection, with QoS 1.
    pub subscriptions: Vec<String>,
    /// Messages under way at most, 1..=[`WINDOW_MAX`].
    pub window: u16,
    /// Between [`KEEP_ALIVE_MIN`] and [`KEEP_ALIVE_MAX`], whole seconds.
    pub keep_alive: Duration,
}

/// User name and password for the broker.
#[derive(Clone)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What is wrong with the settings, and what would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No host, or something that is none.
    #[error("broker host {0:?} is no host name or IP address")]
    Host(String),
    /// A certificate is checked against the host's name.
    #[error("TLS to the IPv6 address {0} is not possible; name the broker by its host name")]
    TlsToIpv6(String),
    /// An id that cannot be one level of a topic.
    #[error("{what} {found:?} cannot be part of a topic: it must be 1..=200 bytes without / + # or control characters")]
    TopicLevel {
        /// Which id.
        what: &'static str,
        /// What was found.
        found: String,
    },
    /// An unusable client id.
    #[error("MQTT client id {0:?} must have 1..=200 bytes")]
    ClientId(String),
    /// User name or password too long.
    #[error("MQTT user name and password may have 65535 bytes at most")]
    Login,
    /// An unusable window.
    #[error("window of {0} messages; 1..={WINDOW_MAX} are possible")]
    Window(u16),
    /// An unusable keep-alive.
    #[error("keep-alive of {0:?}; 5 s to 65535 s are possible")]
    KeepAlive(Duration),
    /// An unusable topic filter.
    #[error("{0:?} is no topic filter")]
    Filter(String),
    /// Too many subscriptions.
    #[error("{0} subscriptions; at most {SUBSCRIPTIONS_MAX} are possible")]
    TooManySubscriptions(usize),
}

const LEVEL_LIMIT_BYTES: usize = 200;
const FIELD_LIMIT_BYTES: usize = u16::MAX as usize;

impl NotifySettings {
    /// Settings with the defaults for everything that has one.
    #[must_use]
    pub fn new(host: &str, port: u16, school: &str, gateway: &str) -> Self {
        Self {
            host: host.to_owned(),
            port,
            tls: None,
            login: None,
            client_id: format!("schoolgate-{school}-{gateway}"),
            school: school.to_owned(),
            gateway: gateway.to_owned(),
            subscriptions: Vec::new(),
            window: DEFAULT_WINDOW,
            keep_alive: DEFAULT_KEEP_ALIVE,
        }
    }

    /// The topic on which the gateway says, or its last will says for it, whether it is there.
    #[must_use]
    pub fn availability_topic(&self) -> String {
        format!("schoolgate/{}/gateway/{}/availability", self.school, self.gateway)
    }

    /// Finds the first thing that would not work.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] names what was found and what would do.
    pub fn check(&self) -> Result<(), SettingsError> {
        let host_ok = |c: char| c.is_alphanumeric() || "-_.:%".contains(c);
        if self.host.is_empty() || self.host.len() > LEVEL_LIMIT_BYTES || !self.host.chars().all(host_ok) {
            return Err(SettingsError::Host(self.host.clone()));
        }
        if self.tls.is_some() && self.host.contains(':') {
            return Err(SettingsError::TlsToIpv6(self.host.clone()));
        }
        for (what, found) in [("school id", &self.school), ("gateway id", &self.gateway)] {
            let bad = |c: char| "/+#".contains(c) || c.is_control();
            if found.is_empty() || found.len() > LEVEL_LIMIT_BYTES || found.contains(bad) {
                return Err(SettingsError::TopicLevel { what, found: found.clone() });
            }
        }
        if self.client_id.is_empty() || self.client_id.len() > LEVEL_LIMIT_BYTES {
            return Err(SettingsError::ClientId(self.client_id.clone()));
        }
        let too_long = |login: &Login| login.user.len().max(login.password.len()) > FIELD_LIMIT_BYTES;
        if self.login.as_ref().is_some_and(too_long) {
            return Err(SettingsError::Login);
        }
        if !(1..=WINDOW_MAX).contains(&self.window) {
            return Err(SettingsError::Window(self.window));
        }
        if !(KEEP_ALIVE_MIN..=KEEP_ALIVE_MAX).contains(&self.keep_alive) {
            return Err(SettingsError::KeepAlive(self.keep_alive));
        }
        self.check_subscriptions()
    }

    fn check_subscriptions(&self) -> Result<(), SettingsError> {
        if self.subscriptions.len() > SUBSCRIPTIONS_MAX {
            return Err(SettingsError::TooManySubscriptions(self.subscriptions.len()));
        }
        let usable =
            |filter: &&String| valid_filter(filter) && filter.len() <= FIELD_LIMIT_BYTES && !filter.contains('\0');
        match self.subscriptions.iter().find(|filter| !usable(filter)) {
            Some(filter) => Err(SettingsError::Filter(filter.clone())),
            None => Ok(()),
        }
    }

    pub(super) fn filters(&self) -> impl Iterator<Item = Filter> {
        self.subscriptions.iter().map(|filter| Filter::new(filter.as_str(), QoS::AtLeastOnce))
    }

    /// Clean start and session expiry 0: the ledger is the session, the broker need not keep one.
    pub(super) fn connect(&self) -> Packet {
        let connect = Connect {
            keep_alive: u16::try_from(self.keep_alive.as_secs()).unwrap_or(u16::MAX),
            client_id: self.client_id.clone(),
            clean_start: true,
            properties: Some(ConnectProperties {
                session_expiry_interval: Some(0),
                receive_maximum: Some(RECEIVE_MAX),
                max_packet_size: Some(PACKET_LIMIT_BYTES),
                ..ConnectProperties::new()
            }),
        };
        let login = self.login.as_ref().map(|login| v5::Login::new(&login.user, &login.password));
        Packet::Connect(connect, Some(self.last_will()), login)
    }

    fn last_will(&self) -> LastWill {
        let properties = LastWillProperties {
            delay_interval: None,
            payload_format_indicator: Some(1),
            message_expiry_interval: None,
            content_type: Some("text/plain".to_owned()),
            response_topic: None,
            correlation_data: None,
            user_properties: Vec::new(),
        };
        LastWill::new(self.availability_topic(), OFFLINE, QoS::AtLeastOnce, true, Some(properties))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(change: impl FnOnce(&mut NotifySettings)) -> Result<(), SettingsError> {
        let mut settings = NotifySettings::new("broker.example", 8883, "school-1", "gate-a");
        change(&mut settings);
        settings.check()
    }

    #[test]
    fn good_settings_pass_and_bad_ones_say_what_would_do() {
        assert_eq!(settings(|_| ()), Ok(()));
        assert!(matches!(settings(|s| s.host = String::new()), Err(SettingsError::Host(_))));
        assert!(matches!(settings(|s| s.host = "a b".into()), Err(SettingsError::Host(_))));
        assert!(matches!(settings(|s| s.school = "a/b".into()), Err(SettingsError::TopicLevel { .. })));
        assert!(matches!(settings(|s| s.gateway = "#".into()), Err(SettingsError::TopicLevel { .. })));
        assert!(matches!(settings(|s| s.client_id = String::new()), Err(SettingsError::ClientId(_))));
        assert!(matches!(settings(|s| s.window = 0), Err(SettingsError::Window(0))));
        assert!(matches!(settings(|s| s.keep_alive = Duration::from_secs(4)), Err(SettingsError::KeepAlive(_))));
        assert!(matches!(settings(|s| s.subscriptions = vec!["a/#/b".into()]), Err(SettingsError::Filter(_))));
        assert!(matches!(settings(|s| s.subscriptions = vec![String::new()]), Err(SettingsError::Filter(_))));
    }

    #[test]
    fn the_limits_of_what_passes_the_check_can_be_said_to_a_broker() {
        let mut settings = NotifySettings::new("::1", 1883, "s", "g");
        settings.login = Some(Login { user: "u".repeat(FIELD_LIMIT_BYTES), password: "p".repeat(FIELD_LIMIT_BYTES) });
        for keep_alive in [KEEP_ALIVE_MIN, KEEP_ALIVE_MAX] {
            settings.keep_alive = keep_alive;
            settings.check().unwrap();
            let mut bytes = bytes::BytesMut::new();
            settings.connect().write(&mut bytes, None).unwrap();
            let Packet::Connect(connect, ..) = Packet::read(&mut bytes, None).unwrap() else { panic!("no CONNECT") };
            assert_eq!(u64::from(connect.keep_alive), keep_alive.as_secs());
        }
    }

    #[test]
    fn debug_output_does_not_tell_the_password() {
        let login = Login { user: "gate".into(), password: "hunter2".into() };
        assert!(!format!("{login:?}").contains("hunter2"));
    }
}
