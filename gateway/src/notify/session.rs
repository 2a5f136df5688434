//! One connection to the broker, from CONNECT to its end.

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use rumqttc::{
    Outgoing,
    v5::{
        AsyncClient, ConnectionError, Event, EventLoop,
        mqttbytes::{
            QoS,
            v5::{ConnAck, Packet, PubAck, PubAckReason, Publish, SubAck, SubscribeReasonCode},
        },
    },
};
use tokio::{
    task::yield_now,
    time::{Instant, sleep_until},
};
use tracing::{info, warn};

use super::{
    CONNECT_PATIENCE_SECS, FEED_PAUSE, Feed, Notifier, PACKET_LIMIT_BYTES, Progress, Received, Trouble,
    failure::{Panicked, blames_a_message, contained, describe},
    notifier::Reading,
    settings::{OFFLINE, ONLINE},
    window::{Passed, Position, Ticket},
};

/// With messages under way, at least one must be acknowledged within this time; else the connection is given up.
pub const ACK_PATIENCE: Duration = Duration::from_secs(20);
/// A graceful stop takes this long at most. If it is cut short, the broker publishes the last will.
pub const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// As asked.
    Stopped,
    /// Not as asked, for this reason.
    Lost(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Connecting,
    Publishing,
    /// The broker held a message back: nothing new until then, and until everything under way is answered.
    Holding(Instant),
    /// Stopping: nothing new, wait for what is under way.
    Draining,
    /// Stopping: `offline` is under way.
    SayingOffline,
    /// Stopping: DISCONNECT is under way.
    Leaving,
}

/// What to do with a message whose turn it is.
enum Outlook {
    Submitted { is_repeat: bool },
    Unfit(super::Unfit),
    Expired,
    QueueFull,
}

pub(super) struct Session<'a, F, P> {
    notifier: &'a mut Notifier<F, P>,
    client: AsyncClient,
    phase: Phase,
    packet_limit: u32,
    retain_available: bool,
    /// What the broker and the settings allow under way.
    limit: usize,
    /// Without any event for this long, rumqttc itself hangs in a write that nobody takes.
    silence_patience: Duration,
    last_event: Instant,
    /// The last acknowledgement, or when something got under way after there was nothing.
    last_answer: Instant,
    stop_at: Option<Instant>,
}

impl<'a, F: Feed, P: Progress> Session<'a, F, P> {
    pub(super) fn new(notifier: &'a mut Notifier<F, P>, client: AsyncClient) -> Self {
        let now = Instant::now();
        Self {
            limit: notifier.settings.window.into(),
            silence_patience: silence_patience(notifier.settings.keep_alive),
            notifier,
            client,
            phase: Phase::Connecting,
            packet_limit: PACKET_LIMIT_BYTES,
            retain_available: true,
            last_event: now,
            last_answer: now,
            stop_at: None,
        }
    }

    /// Runs the connection. `poll` of the event loop is never dropped half-way while the connection is to go on: it may
    /// already have taken a message off its queue and not yet written it.
    pub(super) async fn run(
        mut self,
        mut events: EventLoop,
        mut stop: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Ended {
        let mut timer = pin!(sleep_until(self.wake_at()));
        loop {
            let event = {
                let mut poll = pin!(contained(events.poll()));
                loop {
                    self.work();
                    if self.wake_at() < timer.deadline() {
                        timer.as_mut().reset(self.wake_at());
                    }
                    tokio::select! {
                        biased;
                        event = &mut poll => break event,
                        () = stop.as_mut(), if self.stop_at.is_none() => {
                            if self.begin_stop() {
                                return Ended::Stopped;
                            }
                        }
                        () = self.notifier.feed.changed(), if self.may_read(Reading::Waiting) => {
                            self.notifier.reading = Reading::MayHaveMore;
                        }
                        () = yield_now(), if self.may_read(Reading::MayHaveMore) => {}
                        () = timer.as_mut() => {
                            if let Some(ended) = self.on_time(Instant::now()) {
                                return ended;
                            }
                            timer.as_mut().reset(self.wake_at());
                        }
                    }
                }
            };
            if let Some(ended) = self.on_event(event, &mut events) {
                return ended;
            }
        }
    }

    /// Reads letters and submits messages as far as the window allows.
    fn work(&mut self) {
        if self.phase == Phase::Publishing {
            self.read_letters();
            self.submit();
        }
    }

    /// One look into the ledger, so that the broker is never kept waiting by many.
    fn read_letters(&mut self) {
        let notifier = &mut *self.notifier;
        let Some(wanted) = notifier.window.letters_wanted().filter(|_| notifier.reading == Reading::MayHaveMore) else {
            return;
        };
        match notifier.feed.letters_after(notifier.window.read_through(), wanted) {
            Ok(letters) => {
                notifier.tell_feed_works();
                if letters.is_empty() {
                    notifier.reading = Reading::Waiting;
                }
                for letter in letters {
                    if !notifier.window.take(letter.seq, letter.messages) {
                        warn!(seq = letter.seq, "the feed gave an entry again; left out");
                        notifier.reading = Reading::Failed(Instant::now() + FEED_PAUSE);
                    }
                }
                notifier.report_progress();
            }
            Err(error) => {
                warn!("{error}");
                notifier.reading = Reading::Failed(Instant::now() + FEED_PAUSE);
                notifier.tell(|status| status.last_error = Some(Trouble::Feed(error.to_string())));
            }
        }
    }

    fn submit(&mut self) {
        let was_idle = self.notifier.window.in_flight() == 0;
        let mut submitted = 0;
        let mut resends = 0;
        while let Some((position, outlook)) = self.submit_next() {
            match outlook {
                Outlook::Submitted { is_repeat } => {
                    submitted += 1;
                    resends += u64::from(is_repeat);
                }
                Outlook::Unfit(why) => self.notifier.refuse(position, &why),
                Outlook::Expired => self.notifier.expire(position),
                // The queue has room for a whole window, so this passes with the next event.
                Outlook::QueueFull => break,
            }
        }
        if submitted > 0 {
            if was_idle {
                self.last_answer = Instant::now();
            }
            let in_flight = self.notifier.window.in_flight();
            self.notifier.tell(|status| {
                status.in_flight = in_flight;
                status.resends += resends;
            });
        }
    }

    fn submit_next(&mut self) -> Option<(Position, Outlook)> {
        let turn = self.notifier.window.next_turn()?;
        let (position, message, is_repeat) = (turn.position, turn.message, turn.is_repeat);
        if let Err(why) = message.check(self.packet_limit) {
            return Some((position, Outlook::Unfit(why)));
        }
        let Some(expiry_secs) = message.expiry_secs(Instant::now()) else {
            return Some((position, Outlook::Expired));
        };
        let accepted = self.client.try_publish_with_properties(
            message.topic.as_str(),
            QoS::AtLeastOnce,
            message.retain && self.retain_available,
            message.payload_at(Instant::now()),
            message.properties(expiry_secs),
        );
        if accepted.is_err() {
            return Some((position, Outlook::QueueFull));
        }
        self.notifier.window.submitted(Ticket::Message(position));
        Some((position, Outlook::Submitted { is_repeat }))
    }

    /// Whether the ledger is in this state and there is room to read.
    fn may_read(&self, reading: Reading) -> bool {
        self.phase == Phase::Publishing
            && self.notifier.reading == reading
            && self.notifier.window.letters_wanted().is_some()
    }

    fn on_event(
        &mut self,
        event: Result<Result<Event, ConnectionError>, Panicked>,
        events: &mut EventLoop,
    ) -> Option<Ended> {
        self.last_event = Instant::now();
        let event = match event {
            Ok(Ok(event)) => event,
            Ok(Err(error)) => return Some(self.on_error(&error)),
            Err(Panicked) => return self.lost("the MQTT library panicked on what the broker sent"),
        };
        let ended = match event {
            Event::Incoming(Packet::ConnAck(connack)) => self.on_connected(&connack, events),
            Event::Outgoing(Outgoing::Publish(packet_id)) => self.on_sent(packet_id),
            Event::Incoming(Packet::PubAck(puback)) => self.on_acknowledged(&puback),
            Event::Incoming(Packet::Publish(publish)) => self.on_received(&publish),
            Event::Incoming(Packet::SubAck(suback)) => self.on_subscribed(&suback),
            Event::Outgoing(Outgoing::Disconnect) if self.phase == Phase::Leaving => Some(Ended::Stopped),
            _ => None,
        };
        ended.or_else(|| self.move_on())
    }

    fn on_connected(&mut self, connack: &ConnAck, events: &mut EventLoop) -> Option<Ended> {
        let properties = connack.properties.as_ref();
        let receive_max = properties.and_then(|p| p.receive_max).unwrap_or(u16::MAX);
        if receive_max == 0 || properties.and_then(|p| p.max_qos) == Some(0) {
            return self.lost("the broker takes no messages with QoS 1");
        }
        // rumqttc takes a server keep-alive of 0, which means none, for a ping without pause.
        if properties.and_then(|p| p.server_keep_alive) == Some(0) {
            events.options.set_keep_alive(self.notifier.settings.keep_alive);
        }
        self.silence_patience = silence_patience(events.options.keep_alive());
        self.retain_available = properties.and_then(|p| p.retain_available) != Some(0);
        self.packet_limit =
            properties.and_then(|p| p.max_packet_size).map_or(PACKET_LIMIT_BYTES, |max| max.min(PACKET_LIMIT_BYTES));
        self.limit = self.notifier.settings.window.min(receive_max).into();
        self.set_window();

        self.phase = Phase::Publishing;
        self.last_answer = self.last_event;
        info!(window = self.limit, packet_limit_bytes = self.packet_limit, "connected to the broker");
        self.notifier.tell_connected(true);
        if !self.notifier.submit_availability(&self.client, ONLINE, self.retain_available) || !self.subscribe() {
            return self.lost("the MQTT library's queue is full on a fresh connection");
        }
        None
    }

    fn subscribe(&self) -> bool {
        let settings = &self.notifier.settings;
        settings.subscriptions.is_empty() || self.client.try_subscribe_many(settings.filters()).is_ok()
    }

    fn on_subscribed(&mut self, suback: &SubAck) -> Option<Ended> {
        let asked = suback.return_codes.len();
        let granted = |code: &&SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
        let refused = asked - suback.return_codes.iter().filter(granted).count();
        if refused > 0 {
            warn!(refused, asked, "the broker refuses subscriptions; replies or commands will not arrive");
        }
        self.notifier.tell(|status| status.subscriptions_refused = refused);
        None
    }

    fn on_sent(&mut self, packet_id: u16) -> Option<Ended> {
        if self.notifier.window.sent(packet_id) { None } else { self.lost("packet identifiers are out of step") }
    }

    fn on_acknowledged(&mut self, puback: &PubAck) -> Option<Ended> {
        self.last_answer = self.last_event;
        let position = match self.notifier.window.acknowledged(puback.pkid) {
            None => return self.lost("the broker acknowledged what was not sent"),
            Some(Ticket::Availability) => {
                self.on_availability_acknowledged(puback.reason);
                return None;
            }
            Some(Ticket::Message(position)) => position,
        };
        match puback.reason {
            PubAckReason::Success | PubAckReason::NoMatchingSubscribers => {
                self.notifier.pass(position, Passed::Delivered);
            }
            PubAckReason::TopicNameInvalid | PubAckReason::PayloadFormatInvalid => {
                self.notifier.refuse(position, &format_args!("{:?}", puback.reason));
            }
            PubAckReason::PacketIdentifierInUse => {
                return self.lost("packet identifiers are out of step");
            }
            PubAckReason::NotAuthorized
            | PubAckReason::QuotaExceeded
            | PubAckReason::UnspecifiedError
            | PubAckReason::ImplementationSpecificError => self.hold(position, puback.reason),
        }
        None
    }

    fn on_availability_acknowledged(&mut self, reason: PubAckReason) {
        if !matches!(reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers) {
            let trouble = Trouble::Availability(reason);
            warn!("{trouble}");
            self.notifier.tell(|status| status.last_error = Some(trouble));
        }
        if self.phase == Phase::SayingOffline && self.client.try_disconnect().is_ok() {
            self.phase = Phase::Leaving;
        }
    }

    /// The first message that is held back sets the pause; those behind it share its fate.
    fn hold(&mut self, position: Position, reason: PubAckReason) {
        if self.phase == Phase::Publishing {
            let pause = self.notifier.hold_back(position, reason);
            self.phase = Phase::Holding(self.last_event + pause);
        }
    }

    fn on_received(&mut self, publish: &Publish) -> Option<Ended> {
        let inbox = self.notifier.inbox.as_ref()?;
        let topic = std::str::from_utf8(&publish.topic).ok()?.to_owned();
        let received = Received { topic, payload: publish.payload.clone(), retain: publish.retain };
        if inbox.try_send(received).is_err() {
            self.notifier.tell(|status| status.inbox_overflows += 1);
        }
        None
    }

    /// Takes the next step of a phase that waits until nothing is under way.
    fn move_on(&mut self) -> Option<Ended> {
        if self.notifier.suspects_until.is_some_and(|until| self.notifier.window.is_passed_through(until)) {
            self.notifier.suspects_until = None;
            self.set_window();
        }
        if self.notifier.window.in_flight() > 0 {
            return None;
        }
        match self.phase {
            Phase::Holding(until) if Instant::now() >= until => {
                self.notifier.window.rewind();
                self.phase = Phase::Publishing;
            }
            Phase::Draining => {
                if !self.notifier.submit_availability(&self.client, OFFLINE, self.retain_available) {
                    return Some(Ended::Stopped);
                }
                self.phase = Phase::SayingOffline;
            }
            _ => {}
        }
        None
    }

    fn set_window(&mut self) {
        let limit = if self.notifier.suspects_until.is_some() { 1 } else { self.limit };
        self.notifier.window.set_limit(limit);
    }

    /// Whether the stop is done already, because there is no connection to end.
    fn begin_stop(&mut self) -> bool {
        self.stop_at = Some(Instant::now() + STOP_PATIENCE);
        let is_done = self.phase == Phase::Connecting;
        self.phase = Phase::Draining;
        is_done || self.move_on().is_some()
    }

    /// The next moment at which something must be looked after.
    fn wake_at(&self) -> Instant {
        let silence = self.last_event + self.silence_patience;
        let answer = (self.notifier.window.in_flight() > 0).then(|| self.last_answer + ACK_PATIENCE);
        let hold = match self.phase {
            Phase::Holding(until) if self.notifier.window.in_flight() == 0 => Some(until),
            _ => None,
        };
        let feed = match self.notifier.reading {
            Reading::Failed(until) if self.phase == Phase::Publishing => Some(until),
            _ => None,
        };
        [answer, hold, feed, self.stop_at].into_iter().flatten().fold(silence, Instant::min)
    }

    fn on_time(&mut self, now: Instant) -> Option<Ended> {
        if self.stop_at.is_some_and(|at| now >= at) {
            warn!("the broker did not answer in time for a graceful stop; it will publish the last will");
            return Some(Ended::Stopped);
        }
        if now >= self.last_event + self.silence_patience {
            return self.lost("nothing could be sent for too long");
        }
        if self.notifier.window.in_flight() > 0 && now >= self.last_answer + ACK_PATIENCE {
            return self.lost("the broker acknowledges nothing");
        }
        if matches!(self.notifier.reading, Reading::Failed(until) if now >= until) {
            self.notifier.reading = Reading::MayHaveMore;
        }
        self.move_on()
    }

    fn on_error(&mut self, error: &ConnectionError) -> Ended {
        if self.stop_at.is_some() {
            return Ended::Stopped;
        }
        if blames_a_message(error) {
            self.suspect();
        }
        Ended::Lost(describe(error))
    }

    /// The broker ended the connection because of a message. If it was alone under way it is known which one; else all
    /// that were under way are sent one by one on the next connection.
    fn suspect(&mut self) {
        match self.notifier.window.alone_in_flight() {
            Some(position) => self.notifier.refuse(position, &"the broker ends the connection on it"),
            None => self.notifier.suspects_until = Some(self.notifier.window.submitted_end()),
        }
    }

    fn lost(&self, why: &str) -> Option<Ended> {
        Some(if self.stop_at.is_some() { Ended::Stopped } else { Ended::Lost(why.to_owned()) })
    }
}

/// rumqttc pings every keep-alive, so some event comes at least that often; connecting has its own bound.
fn silence_patience(keep_alive: Duration) -> Duration {
    (keep_alive + keep_alive / 2).max(Duration::from_secs(CONNECT_PATIENCE_SECS)) + Duration::from_secs(1)
}
