//! What a failed connection means, and how to speak of it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use rumqttc::v5::{
    ConnectionError, StateError,
    mqttbytes::{self, v5::DisconnectReasonCode},
};

use super::CONNECT_PATIENCE_SECS;

/// MQTT 5 §3.4.2.1 does not list this code for PUBACK, mosquitto sends it all the same and rumqttc cannot read it.
const PACKET_TOO_LARGE: u8 = 0x95;

/// Whether the broker ended the connection because of what a message is.
pub(super) fn blames_a_message(error: &ConnectionError) -> bool {
    use DisconnectReasonCode::{PacketTooLarge, PayloadFormatInvalid, TopicNameInvalid};
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
pub(super) fn describe(error: &ConnectionError) -> String {
    match error {
        ConnectionError::NotConnAck(_) => "the broker's first answer is no CONNACK".to_owned(),
        ConnectionError::Timeout(_) => format!("no answer within {CONNECT_PATIENCE_SECS} s"),
        ConnectionError::ConnectionRefused(code) => format!("refused by the broker: {code:?}"),
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

/// rumqttc panicked. Its event loop is dropped with the connection, so nothing half-done lives on.
pub(super) struct Panicked;

/// Turns a panic inside `future` into an error: rumqttc has some on unusual packets, and the gateway must live on.
pub(super) async fn contained<T>(future: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut future = pin!(future);
    std::future::poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use rumqttc::v5::mqttbytes::{
        QoS,
        v5::{Packet, Publish},
    };
    use tokio::task::yield_now;

    use super::*;

    #[tokio::test]
    async fn a_panic_inside_becomes_an_error() {
        let broken = async {
            yield_now().await;
            panic!("on purpose");
        };
        assert!(contained::<()>(broken).await.is_err());
        assert!(matches!(contained(async { 1 }).await, Ok(1)));
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
            let text = describe(&error);
            assert!(!text.contains("SECRET") && !text.contains("CHILD"), "{text}");
        }
    }
}
