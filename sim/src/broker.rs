//! An MQTT broker inside this process, for demonstrations. A school's broker is mosquitto: rumqttd keeps sessions and
//! retained messages in memory only, and lets everybody subscribe to everything.

use std::{
    collections::HashMap,
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use rumqttd::{Broker as Rumqttd, Config, ConnectionSettings, RouterConfig, ServerSettings};

/// Most connections at once.
const MAX_CONNECTIONS: usize = 1_000;
/// Largest packet: four times what the gateway sends at most.
const MAX_PACKET_BYTES: usize = 256 * 1024;
/// Messages under way to one client at most.
const MAX_IN_FLIGHT: usize = 500;
/// Kept for a slow subscriber, for each filter: this many segments of this size; older messages are lost to it.
const SEGMENT_BYTES: usize = 8 * 1024 * 1024;
const SEGMENTS: usize = 10;
/// How long the broker may take to listen.
const PATIENCE: Duration = Duration::from_secs(5);

/// A broker that listens for MQTT 5 on loopback until the process ends: rumqttd can't be stopped.
#[derive(Clone, Copy, Debug)]
pub struct Broker {
    addr: SocketAddr,
}

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// No free port could be had.
    #[error("could not find a free port for the broker")]
    FreePort(#[source] io::Error),
    /// Its thread could not be started.
    #[error("could not start the broker's thread")]
    Thread(#[source] io::Error),
    /// It does not listen.
    #[error("the broker does not listen on {addr} after {PATIENCE:?}")]
    Silent {
        /// Where it should.
        addr: SocketAddr,
        /// What connecting gave.
        source: io::Error,
    },
}

impl Broker {
    /// Starts a broker on a free port and waits until it listens.
    pub fn start() -> Result<Self, BrokerError> {
        let addr = free_port().map_err(BrokerError::FreePort)?;
        let config = config(addr);
        // `start` joins the threads that it starts, so it needs one of its own.
        let serve = move || {
            if let Err(error) = Rumqttd::new(config).start() {
                tracing::error!(%error, "the broker ended");
            }
        };
        thread::Builder::new().name("broker".into()).spawn(serve).map_err(BrokerError::Thread)?;
        wait_until_it_listens(addr)?;
        Ok(Self { addr })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

fn config(listen: SocketAddr) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: 5_000,
        max_payload_size: MAX_PACKET_BYTES,
        max_inflight_count: MAX_IN_FLIGHT,
        auth: None,
        external_auth: None,
        dynamic_filters: false,
    };
    let server = ServerSettings { name: "v5".into(), listen, tls: None, next_connection_delay_ms: 1, connections };
    let router = RouterConfig {
        max_connections: MAX_CONNECTIONS,
        max_outgoing_packet_count: 200,
        max_segment_size: SEGMENT_BYTES,
        max_segment_count: SEGMENTS,
        // rumqttd hangs up on whoever publishes to a topic that no filter matches; this one matches all of ours.
        initialized_filters: Some(vec!["schoolgate/#".into()]),
        ..RouterConfig::default()
    };
    Config { id: 0, router, v5: Some(HashMap::from([("v5".into(), server)])), ..Config::default() }
}

/// Somebody else may take the port before the broker does; then starting it tells.
fn free_port() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn wait_until_it_listens(addr: SocketAddr) -> Result<(), BrokerError> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect_timeout(&addr, PATIENCE) {
            Ok(_) => return Ok(()),
            Err(source) if Instant::now() > give_up => return Err(BrokerError::Silent { addr, source }),
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rumqttc::v5::{
        AsyncClient, Event, EventLoop, MqttOptions,
        mqttbytes::{
            QoS,
            v5::{LastWill, Packet, PubAckReason, Publish},
        },
    };

    use super::*;

    fn client(broker: Broker, id: &str, will: Option<LastWill>) -> (AsyncClient, EventLoop) {
        let mut options = MqttOptions::new(id, broker.addr().ip().to_string(), broker.addr().port());
        options.set_keep_alive(Duration::from_secs(5)).set_clean_start(true);
        if let Some(will) = will {
            options.set_last_will(will);
        }
        AsyncClient::new(options, 64)
    }

    async fn until<T>(events: &mut EventLoop, mut wanted: impl FnMut(Packet) -> Option<T>) -> T {
        let found = async {
            loop {
                if let Event::Incoming(packet) = events.poll().await.unwrap()
                    && let Some(found) = wanted(packet)
                {
                    return found;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(10), found).await.expect("in time")
    }

    fn connected(packet: Packet) -> Option<()> {
        matches!(packet, Packet::ConnAck(_)).then_some(())
    }

    fn published(packet: Packet) -> Option<Publish> {
        if let Packet::Publish(publish) = packet { Some(publish) } else { None }
    }

    #[tokio::test]
    async fn it_acknowledges_keeps_retained_messages_and_publishes_the_will() {
        let broker = Broker::start().unwrap();
        let will = LastWill::new("schoolgate/s/gateway/g/availability", "offline", QoS::AtLeastOnce, true, None);
        let (gateway, mut gateway_events) = client(broker, "gateway", Some(will));
        until(&mut gateway_events, connected).await;

        // Acknowledged, though nobody subscribes.
        for topic in ["schoolgate/s/gateway/g/availability", "schoolgate/s/guardian/t/status"] {
            gateway.publish(topic, QoS::AtLeastOnce, true, "online").await.unwrap();
            let ack = |packet| if let Packet::PubAck(ack) = packet { Some(ack.reason) } else { None };
            assert_eq!(until(&mut gateway_events, ack).await, PubAckReason::Success);
        }

        // A late subscriber gets what was retained, and through wildcards too.
        let (guardian, mut events) = client(broker, "guardian", None);
        until(&mut events, connected).await;
        guardian.subscribe("schoolgate/s/guardian/+/status", QoS::AtLeastOnce).await.unwrap();
        let status = until(&mut events, published).await;
        assert_eq!((&status.topic[..], &status.payload[..]), (&b"schoolgate/s/guardian/t/status"[..], &b"online"[..]));
        guardian.subscribe("schoolgate/+/gateway/+/availability", QoS::AtLeastOnce).await.unwrap();
        assert_eq!(until(&mut events, published).await.payload, "online");

        // The gateway is cut off without a word.
        drop((gateway, gateway_events));
        assert_eq!(until(&mut events, published).await.payload, "offline");
    }
}
