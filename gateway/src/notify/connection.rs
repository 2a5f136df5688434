//! MQTT on a wire: rumqttc's codec and protocol state, with a loop of our own around them.
//!
//! rumqttc's own `EventLoop` writes every message by itself and reads at most ten; here all that is there goes with one
//! write, and comes with one read.

use std::time::Duration;

use bytes::BytesMut;
use rumqttc::v5::{
    ConnectionError, Event, MqttState, Request, StateError,
    mqttbytes::{
        Error as CodecError,
        v5::{ConnAck, ConnectReturnCode, Packet},
    },
};
use tokio::time::{Instant, timeout};

use super::{
    CONNECT_PATIENCE_SECS, NotifySettings, PACKET_LIMIT_BYTES,
    failure::{Failure, contained},
    wire::Wire,
};

/// With so many bytes unsent, no further message is encoded.
const UNSENT_MAX_BYTES: usize = 64 * 1024;

/// One connection, fresh from CONNECT to its end.
pub(super) struct Connection {
    wire: Wire,
    state: MqttState,
    incoming: BytesMut,
    outgoing: BytesMut,
    /// What the broker takes at most, in bytes.
    packet_limit: Option<u32>,
    keep_alive: Duration,
    ping_at: Instant,
    /// When bytes last moved, in either direction.
    last_moved: Instant,
}

impl Connection {
    /// Connects and gives the broker's answer, if it accepts.
    pub(super) async fn open(settings: &NotifySettings) -> Result<(Self, ConnAck), Failure> {
        let opened = async {
            let wire = Wire::open(settings).await?;
            let now = Instant::now();
            let mut connection = Self {
                wire,
                state: MqttState::new(settings.window, false),
                incoming: BytesMut::new(),
                outgoing: BytesMut::new(),
                packet_limit: None,
                keep_alive: settings.keep_alive,
                ping_at: now,
                last_moved: now,
            };
            let connack = connection.introduce(settings).await?;
            Ok((connection, connack))
        };
        let patience = Duration::from_secs(CONNECT_PATIENCE_SECS);
        timeout(patience, opened).await.map_err(ConnectionError::Timeout)?
    }

    async fn introduce(&mut self, settings: &NotifySettings) -> Result<ConnAck, Failure> {
        self.encode(&settings.connect())?;
        let connack = loop {
            self.flush()?;
            self.wire.ready(self.has_unsent()).await;
            let ended = self.wire.read(&mut self.incoming);
            match self.next_packet()? {
                Some(Packet::ConnAck(connack)) if connack.code == ConnectReturnCode::Success => break connack,
                Some(Packet::ConnAck(connack)) => return Err(ConnectionError::ConnectionRefused(connack.code).into()),
                Some(packet) => return Err(ConnectionError::NotConnAck(Box::new(packet)).into()),
                None => ended?,
            }
        };
        let properties = connack.properties.as_ref();
        self.packet_limit = properties.and_then(|p| p.max_packet_size);
        // MQTT 5 §3.2.2.3.14: the server's keep-alive counts; 0 means none, and then ours does no harm.
        if let Some(secs @ 1..) = properties.and_then(|p| p.server_keep_alive) {
            self.keep_alive = Duration::from_secs(secs.into());
        }
        let answer = Packet::ConnAck(connack.clone());
        contained(|| self.state.handle_incoming_packet(answer))?.map_err(ConnectionError::from)?;
        self.state.events.clear();
        (self.last_moved, self.ping_at) = (Instant::now(), Instant::now() + self.keep_alive);
        Ok(connack)
    }

    /// How often the broker is asked for a sign of life.
    pub(super) fn keep_alive(&self) -> Duration {
        self.keep_alive
    }

    /// When bytes last moved, in either direction.
    pub(super) fn last_moved(&self) -> Instant {
        self.last_moved
    }

    /// Whether another message may be handed over: the line takes what it has, and the protocol has an identifier for it.
    pub(super) fn has_room(&self) -> bool {
        self.outgoing.len() < UNSENT_MAX_BYTES && self.state.collision.is_none()
    }

    /// Encodes a packet, to go with the next [`flush`](Self::flush). What becomes of it is told by
    /// [`next_event`](Self::next_event).
    pub(super) fn hand_over(&mut self, request: Request) -> Result<(), Failure> {
        let packet = contained(|| self.state.handle_outgoing_packet(request))?.map_err(ConnectionError::from)?;
        packet.map_or(Ok(()), |packet| self.encode(&packet))
    }

    /// What happened, in order.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.state.events.pop_front()
    }

    /// Takes in all that has come.
    pub(super) fn receive(&mut self) -> Result<(), Failure> {
        let held = self.incoming.len();
        let ended = self.wire.read(&mut self.incoming);
        if self.incoming.len() > held {
            self.last_moved = Instant::now();
        }
        while let Some(packet) = self.next_packet()? {
            let answer = contained(|| self.state.handle_incoming_packet(packet))?.map_err(ConnectionError::from)?;
            if let Some(answer) = answer {
                self.encode(&answer)?;
            }
        }
        Ok(ended?)
    }

    /// Sends as much as goes now.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        if self.has_unsent() && self.wire.write(&mut self.outgoing)? {
            self.last_moved = Instant::now();
        }
        Ok(())
    }

    /// Resolves when there is something to receive, or room to flush.
    pub(super) async fn ready(&mut self) {
        let has_unsent = self.has_unsent();
        self.wire.ready(has_unsent).await;
    }

    /// See [`Wire::wake_at_bytes`].
    pub(super) fn wake_at_bytes(&mut self, bytes: usize) {
        self.wire.wake_at_bytes(bytes);
    }

    /// Whether something waits for the line.
    pub(super) fn has_unsent(&self) -> bool {
        !self.outgoing.is_empty() || self.wire.holds_unsent()
    }

    /// When the broker is to be asked for a sign of life; not while the line takes nothing, which has a patience of its
    /// own.
    pub(super) fn ping_at(&self) -> Option<Instant> {
        (!self.has_unsent()).then_some(self.ping_at)
    }

    /// Asks for a sign of life if it is time; an error if the last one is still due.
    pub(super) fn keep_alive_at(&mut self, now: Instant) -> Result<(), Failure> {
        if self.ping_at().is_none_or(|at| now < at) {
            return Ok(());
        }
        self.ping_at = now + self.keep_alive;
        self.receive()?; // the answer to the last one may lie there
        self.hand_over(Request::PingReq)
    }

    fn encode(&mut self, packet: &Packet) -> Result<(), Failure> {
        let (outgoing, limit) = (&mut self.outgoing, self.packet_limit);
        contained(|| packet.write(outgoing, limit))?.map_err(|error| ConnectionError::MqttState(error.into()))?;
        Ok(())
    }

    /// The next whole packet of those that came.
    fn next_packet(&mut self) -> Result<Option<Packet>, Failure> {
        let incoming = &mut self.incoming;
        match contained(|| Packet::read(incoming, Some(PACKET_LIMIT_BYTES)))? {
            Ok(packet) => Ok(Some(packet)),
            Err(CodecError::InsufficientBytes(_)) => Ok(None),
            Err(error) => Err(ConnectionError::MqttState(StateError::Deserialization(error)).into()),
        }
    }
}
