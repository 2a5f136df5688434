//! What a failed connection means, and how to speak of it.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
};

use rumqttc::v5::{
    ConnectionError, StateError,
    mqttbytes::{self, v5::DisconnectReasonCode},
};

use super::CONNECT_PATIENCE_SECS;

/// MQTT 5 §3.4.2.1 does not list this code for PUBACK, mosquitto sends it all the same and rumqttc cannot read it.
const PACKET_TOO_LARGE: u8 = 0x95;

/// Whether the broker ended the connection because of what a message is.
pub(super) fn blames_a_message(failure: &Failure) -> bool {
    use DisconnectReasonCode::{PacketTooLarge, PayloadFormatInvalid, TopicNameInvalid};
    let Failure::Mqtt(error) = failure else { return false };
    match error {
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            matches!(reason_code, PacketTooLarge | PayloadFormatInvalid | TopicNameInvalid)
        }
        ConnectionError::MqttState(StateError::Deserialization(mqttbytes::Error::InvalidConnectReturnCode(code))) => {
            *code == PACKET_TOO_LARGE
        }
        _ => false,
    }
}

/// The error without anything that the broker may have quoted: packets and reason strings can hold topics.
pub(super) fn describe(failure: &Failure) -> String {
    let Failure::Mqtt(error) = failure else {
        return "the MQTT library panicked on what the broker sent".to_owned();
    };
    match error {
        ConnectionError::NotConnAck(_) => "the broker's first answer is no CONNACK".to_owned(),
        ConnectionError::Timeout(_) => format!("no answer within {CONNECT_PATIENCE_SECS} s"),
        ConnectionError::ConnectionRefused(code) => format!("refused by the broker: {code:?}"),
        ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code: DisconnectReasonCode::SessionTakenOver,
            ..
        }) => "another client has connected under the same client_id: give each its own".to_owned(),
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            format!("ended by the broker: {reason_code:?}")
        }
        ConnectionError::MqttState(StateError::Deserialization(mqttbytes::Error::Io(error)))
        | ConnectionError::MqttState(StateError::Io(error)) => error.to_string(),
        ConnectionError::MqttState(StateError::Deserialization(error)) => {
            format!("the broker sent something unreadable: {error}")
        }
        ConnectionError::MqttState(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum Failure {
    /// The network, the broker or the protocol failed.
    Mqtt(ConnectionError),
    /// rumqttc panicked. Its state is dropped with the connection, so nothing half-done lives on.
    Panicked,
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        Self::Mqtt(error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Mqtt(match error.kind() {
            io::ErrorKind::UnexpectedEof => StateError::ConnectionAborted.into(),
            _ => error.into(),
        })
    }
}

/// Turns a panic inside `call` into an error: rumqttc has some on unusual packets, and the gateway must live on.
pub(super) fn contained<T>(call: impl FnOnce() -> T) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_| Failure::Panicked)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rumqttc::v5::mqttbytes::{
        QoS,
        v5::{Packet, Publish},
    };

    #[test]
    fn a_panic_inside_becomes_an_error() {
        assert!(matches!(contained(|| -> u8 { panic!("on purpose") }), Err(Failure::Panicked)));
        assert!(matches!(contained(|| 1), Ok(1)));
    }

    #[test]
    fn errors_do_not_quote_what_the_broker_sent() {
        let publish = Publish::new("schoolgate/s/guardian/SECRET/event", QoS::AtMostOnce, "CHILD", None);
        let no_connack = ConnectionError::NotConnAck(Box::new(Packet::Publish(publish)));
        let ended = ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code: DisconnectReasonCode::NotAuthorized,
            reason_string: Some("SECRET".to_owned()),
        });
        for error in [no_connack, ended] {
            let text = describe(&error.into());
            assert!(!text.contains("SECRET") && !text.contains("CHILD"), "{text}");
        }
    }

    #[test]
    fn two_clients_under_one_name_are_told_as_such() {
        let ended = ConnectionError::MqttState(StateError::ServerDisconnect {
            reason_code: DisconnectReasonCode::SessionTakenOver,
            reason_string: None,
        });
        assert!(describe(&ended.into()).contains("client_id"));
    }
}
