//! One connection to the broker, from CONNECT to its end.

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use bytes::Bytes;
use rumqttc::{
    Outgoing,
    v5::{
        Event, Request,
        mqttbytes::{
            QoS,
            v5::{
                ConnAck, Packet, PubAck, PubAckReason, Publish, PublishProperties, SubAck, Subscribe,
                SubscribeReasonCode,
            },
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
    connection::Connection,
    failure::{Failure, blames_a_message, describe},
    notifier::Reading,
    settings::{OFFLINE, ONLINE},
    window::{Passed, Position, Ticket},
};

/// With messages under way, at least one must be acknowledged within this time; else the connection is given up.
pub const ACK_PATIENCE: Duration = Duration::from_secs(20);
/// A graceful stop takes this long at most. If it is cut short, the broker publishes the last will.
pub const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// While there is room for new messages, acknowledgements may lie unread for so long: nothing waits for them, and to be
/// woken for each costs more than all else that is done for a message. Messages from the broker share this wait.
pub const ACK_LEISURE: Duration = Duration::from_millis(200);
/// After this time they are looked for if there is something to send anyway, so that in a rush no timer fires for them.
const ACK_GLANCE: Duration = Duration::from_millis(100);
/// With a full window, more acknowledgements are waited for so long after the last ones, for a quarter of the window: to
/// take three and send three would wake both ends for each three. By then the broker has not run out of work, and one that
/// has Nagle's algorithm on, and so holds all but the first back until we send something, is not kept for longer.
const ACK_PAUSE: Duration = Duration::from_millis(1);
/// A window of fewer messages may be worked off within that time.
const ACK_PAUSE_FROM_WINDOW: usize = 128;
/// A PUBACK has at least so many bytes, MQTT 5 §3.4.
const PUBACK_BYTES: usize = 4;

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// As asked.
    Stopped,
    /// Not as asked, for this reason.
    Lost(String),
}

/// The connection goes on, or has ended.
type Step = Result<(), Ended>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
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
}

pub(super) struct Session<'a, F, P> {
    notifier: &'a mut Notifier<F, P>,
    connection: Connection,
    phase: Phase,
    packet_limit: u32,
    retain_available: bool,
    /// What the broker and the settings allow under way.
    limit: usize,
    /// Without a byte moved for this long, the line takes nothing any more.
    silence_patience: Duration,
    /// When the present turn began.
    now: Instant,
    /// The last acknowledgement, or when something got under way after there was nothing.
    last_answer: Instant,
    /// Since when acknowledgements that are due were not looked for.
    unseen_since: Option<Instant>,
    stop_at: Option<Instant>,
}

/// Runs one connection.
pub(super) async fn run<F: Feed, P: Progress>(
    notifier: &mut Notifier<F, P>,
    mut stop: Pin<&mut (impl Future<Output = ()> + Send)>,
) -> Ended {
    let opened = tokio::select! {
        biased;
        opened = Connection::open(&notifier.settings) => opened,
        () = stop.as_mut() => return Ended::Stopped,
    };
    match opened {
        Ok((connection, connack)) => Session::new(notifier, connection).run(&connack, stop).await,
        Err(failure) => Ended::Lost(describe(&failure)),
    }
}

impl<'a, F: Feed, P: Progress> Session<'a, F, P> {
    fn new(notifier: &'a mut Notifier<F, P>, connection: Connection) -> Self {
        let now = Instant::now();
        Self {
            limit: notifier.settings.window.into(),
            silence_patience: silence_patience(connection.keep_alive()),
            notifier,
            connection,
            phase: Phase::Publishing,
            packet_limit: PACKET_LIMIT_BYTES,
            retain_available: true,
            now,
            last_answer: now,
            unseen_since: None,
            stop_at: None,
        }
    }

    async fn run(mut self, connack: &ConnAck, mut stop: Pin<&mut (impl Future<Output = ()> + Send)>) -> Ended {
        if let Err(ended) = self.on_connected(connack) {
            return ended;
        }
        let mut timer = pin!(sleep_until(self.wake_at()));
        loop {
            if let Err(ended) = self.turn() {
                return ended;
            }
            if self.wake_at() < timer.deadline() {
                timer.as_mut().reset(self.wake_at());
            }
            let happened = tokio::select! {
                biased;
                () = self.connection.ready() => {
                    self.now = Instant::now();
                    self.receive()
                }
                () = stop.as_mut(), if self.stop_at.is_none() => self.begin_stop(),
                () = self.notifier.feed.changed(), if self.may_read(Reading::Waiting) => {
                    self.notifier.reading = Reading::MayHaveMore;
                    Ok(())
                }
                () = yield_now(), if self.may_read(Reading::MayHaveMore) => Ok(()),
                () = self.notifier.standing.changed(), if !self.notifier.standing.is_due() => Ok(()),
                () = timer.as_mut() => {
                    let happened = self.on_time();
                    timer.as_mut().reset(self.wake_at());
                    happened
                }
            };
            if let Err(ended) = happened {
                return ended;
            }
        }
    }

    /// Reads and sends as much as can be, and says what to be woken for.
    fn turn(&mut self) -> Step {
        self.now = Instant::now();
        self.work()?;
        // To look for acknowledgements before sleeping is cheap; to be woken for them is not.
        let is_time = self.unseen_since.is_some_and(|since| self.now >= since + ACK_GLANCE);
        if is_time || self.is_window_full() {
            self.receive()?;
            self.work()?;
        }
        self.flush()?;
        let in_flight = self.notifier.window.in_flight();
        self.connection.wake_at_bytes(match self.phase {
            Phase::Publishing if in_flight > 0 && !self.is_window_full() => self.limit * PUBACK_BYTES,
            Phase::Publishing if self.more_answers_by().is_some() => self.limit / 4 * PUBACK_BYTES,
            // Also with a full window: a broker that has Nagle's algorithm on holds the second acknowledgement back until
            // we send something, or for the 40 ms of a delayed ACK.
            _ => 1,
        });
        if in_flight > 0 {
            self.unseen_since.get_or_insert(self.now);
        } else {
            self.unseen_since = None;
        }
        Ok(())
    }

    fn is_window_full(&self) -> bool {
        self.notifier.window.in_flight() >= self.notifier.window.limit()
    }

    /// Until when more acknowledgements are waited for, if they are.
    fn more_answers_by(&self) -> Option<Instant> {
        let is_large = self.notifier.window.limit() >= ACK_PAUSE_FROM_WINDOW;
        let pauses = is_large && self.phase == Phase::Publishing && self.is_window_full();
        Some(self.last_answer + ACK_PAUSE).filter(|&until| pauses && self.now < until)
    }

    fn flush(&mut self) -> Step {
        self.connection.flush().map_err(|failure| self.on_failure(&failure))
    }

    /// Takes in all that has come, and does what follows from it.
    fn receive(&mut self) -> Step {
        self.unseen_since = None;
        let received = self.connection.receive();
        self.handle_events()?; // also what came before a failure
        received.map_err(|failure| self.on_failure(&failure))
    }

    fn handle_events(&mut self) -> Step {
        while let Some(event) = self.connection.next_event() {
            self.on_event(event)?;
        }
        self.move_on()
    }

    /// Reads letters and submits messages as far as the window and the line allow.
    fn work(&mut self) -> Step {
        if self.phase != Phase::Publishing {
            return Ok(());
        }
        self.submit_standing()?;
        self.read_letters();
        self.submit()
    }

    /// What stands goes before the entries: it is one message, and on a long backlog its turn would never come.
    fn submit_standing(&mut self) -> Step {
        if !self.connection.has_room() || self.is_window_full() {
            return Ok(());
        }
        let Some(message) = self.notifier.standing.take() else { return Ok(()) };
        if let Err(why) = message.check(self.packet_limit) {
            warn!("the gateway's own message is not sent: {why}");
            return Ok(());
        }
        if self.notifier.window.in_flight() == 0 {
            self.last_answer = self.now;
        }
        let properties = Some(message.properties(None));
        let retain = message.retain && self.retain_available;
        self.notifier.window.submitted(Ticket::Standing);
        self.hand_over(publish(&message.topic, message.payload, retain, properties))?;
        self.handle_events()
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
                if letters.len() < wanted {
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

    fn submit(&mut self) -> Step {
        let was_idle = self.notifier.window.in_flight() == 0;
        let (mut submitted, mut resends) = (0, 0);
        while self.connection.has_room()
            && let Some((position, outlook)) = self.submit_next()?
        {
            match outlook {
                Outlook::Submitted { is_repeat } => {
                    submitted += 1;
                    resends += u64::from(is_repeat);
                }
                Outlook::Unfit(why) => self.notifier.refuse(position, &why),
                Outlook::Expired => self.notifier.expire(position),
            }
        }
        if submitted > 0 {
            if was_idle {
                self.last_answer = self.now;
            }
            self.handle_events()?;
            let in_flight = self.notifier.window.in_flight();
            self.notifier.tell(|status| {
                status.in_flight = in_flight;
                status.resends += resends;
            });
        }
        Ok(())
    }

    fn submit_next(&mut self) -> Result<Option<(Position, Outlook)>, Ended> {
        let Some(turn) = self.notifier.window.next_turn() else { return Ok(None) };
        let (position, message, is_repeat) = (turn.position, turn.message, turn.is_repeat);
        if let Err(why) = message.check(self.packet_limit) {
            return Ok(Some((position, Outlook::Unfit(why))));
        }
        let Some(expiry_secs) = message.expiry_secs(self.now) else {
            return Ok(Some((position, Outlook::Expired)));
        };
        let publish = publish(
            &message.topic,
            message.payload_at(self.now),
            message.retain && self.retain_available,
            Some(message.properties(expiry_secs)),
        );
        self.notifier.window.submitted(Ticket::Message(position));
        self.hand_over(publish)?;
        Ok(Some((position, Outlook::Submitted { is_repeat })))
    }

    fn hand_over(&mut self, request: Request) -> Step {
        self.connection.hand_over(request).map_err(|failure| self.on_failure(&failure))
    }

    fn submit_availability(&mut self, word: &'static str) -> Step {
        let topic = self.notifier.settings.availability_topic();
        self.notifier.window.submitted(Ticket::Availability);
        self.hand_over(publish(&topic, Bytes::from_static(word.as_bytes()), self.retain_available, None))
    }

    /// Whether the ledger is in this state and there is room to read.
    fn may_read(&self, reading: Reading) -> bool {
        self.phase == Phase::Publishing
            && self.notifier.reading == reading
            && self.notifier.window.letters_wanted().is_some()
    }

    fn on_event(&mut self, event: Event) -> Step {
        match event {
            Event::Outgoing(Outgoing::Publish(packet_id)) => self.on_sent(packet_id),
            Event::Incoming(Packet::PubAck(puback)) => self.on_acknowledged(&puback),
            Event::Incoming(Packet::Publish(publish)) => {
                self.on_received(&publish);
                Ok(())
            }
            Event::Incoming(Packet::SubAck(suback)) => {
                self.on_subscribed(&suback);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn on_connected(&mut self, connack: &ConnAck) -> Step {
        let properties = connack.properties.as_ref();
        let receive_max = properties.and_then(|p| p.receive_max).unwrap_or(u16::MAX);
        if receive_max == 0 || properties.and_then(|p| p.max_qos) == Some(0) {
            return self.lost("the broker takes no messages with QoS 1");
        }
        self.retain_available = properties.and_then(|p| p.retain_available) != Some(0);
        self.packet_limit =
            properties.and_then(|p| p.max_packet_size).map_or(PACKET_LIMIT_BYTES, |max| max.min(PACKET_LIMIT_BYTES));
        self.limit = self.notifier.settings.window.min(receive_max).into();
        self.set_window();

        info!(window = self.limit, packet_limit_bytes = self.packet_limit, "connected to the broker");
        self.notifier.tell_connected(true);
        self.notifier.standing.connected();
        self.submit_availability(ONLINE)?;
        if !self.notifier.settings.subscriptions.is_empty() {
            self.hand_over(Request::Subscribe(Subscribe::new_many(self.notifier.settings.filters(), None)))?;
        }
        self.handle_events()
    }

    fn on_subscribed(&mut self, suback: &SubAck) {
        let asked = suback.return_codes.len();
        let granted = |code: &&SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
        let refused = asked - suback.return_codes.iter().filter(granted).count();
        if refused > 0 {
            warn!(refused, asked, "the broker refuses subscriptions; replies or commands will not arrive");
        }
        self.notifier.tell(|status| status.subscriptions_refused = refused);
    }

    fn on_sent(&mut self, packet_id: u16) -> Step {
        if self.notifier.window.sent(packet_id) { Ok(()) } else { self.lost("packet identifiers are out of step") }
    }

    fn on_acknowledged(&mut self, puback: &PubAck) -> Step {
        self.last_answer = self.now;
        let position = match self.notifier.window.acknowledged(puback.pkid) {
            None => return self.lost("the broker acknowledged what was not sent"),
            Some(Ticket::Availability) => {
                return self.on_availability_acknowledged(puback.reason);
            }
            Some(Ticket::Standing) => {
                if !matches!(puback.reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers) {
                    warn!(reason = ?puback.reason, "the broker does not take how the gateway is");
                }
                return Ok(());
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
        Ok(())
    }

    fn on_availability_acknowledged(&mut self, reason: PubAckReason) -> Step {
        if !matches!(reason, PubAckReason::Success | PubAckReason::NoMatchingSubscribers) {
            let trouble = Trouble::Availability(reason);
            warn!("{trouble}");
            self.notifier.tell(|status| status.last_error = Some(trouble));
        }
        if self.phase == Phase::SayingOffline {
            self.hand_over(Request::Disconnect)?;
            self.phase = Phase::Leaving;
        }
        Ok(())
    }

    /// The first message that is held back sets the pause; those behind it share its fate.
    fn hold(&mut self, position: Position, reason: PubAckReason) {
        if self.phase == Phase::Publishing {
            let pause = self.notifier.hold_back(position, reason);
            self.phase = Phase::Holding(self.now + pause);
        }
    }

    fn on_received(&mut self, publish: &Publish) {
        let Some(inbox) = self.notifier.inbox.as_ref() else { return };
        let Ok(topic) = std::str::from_utf8(&publish.topic) else { return };
        let received = Received { topic: topic.to_owned(), payload: publish.payload.clone(), retain: publish.retain };
        if inbox.try_send(received).is_err() {
            self.notifier.tell(|status| status.inbox_overflows += 1);
        }
    }

    /// Takes the next step of a phase that waits until nothing is under way.
    fn move_on(&mut self) -> Step {
        if self.notifier.suspects_until.is_some_and(|until| self.notifier.window.is_passed_through(until)) {
            self.notifier.suspects_until = None;
            self.set_window();
        }
        if self.notifier.window.in_flight() > 0 {
            return Ok(());
        }
        match self.phase {
            Phase::Holding(until) if self.now >= until => {
                self.notifier.window.rewind();
                self.phase = Phase::Publishing;
            }
            Phase::Draining => {
                self.phase = Phase::SayingOffline;
                self.submit_availability(OFFLINE)?;
                self.handle_events()?;
            }
            Phase::Leaving => {
                self.flush()?;
                if !self.connection.has_unsent() {
                    return Err(Ended::Stopped);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn set_window(&mut self) {
        let limit = if self.notifier.suspects_until.is_some() { 1 } else { self.limit };
        self.notifier.window.set_limit(limit);
    }

    fn begin_stop(&mut self) -> Step {
        self.now = Instant::now();
        self.stop_at = Some(self.now + STOP_PATIENCE);
        self.phase = Phase::Draining;
        self.receive()
    }

    /// The next moment at which something must be looked after.
    fn wake_at(&self) -> Instant {
        let silence = self.connection.last_moved() + self.silence_patience;
        let answer = (self.notifier.window.in_flight() > 0).then(|| self.last_answer + ACK_PATIENCE);
        let hold = match self.phase {
            Phase::Holding(until) if self.notifier.window.in_flight() == 0 => Some(until),
            _ => None,
        };
        let feed = match self.notifier.reading {
            Reading::Failed(until) if self.phase == Phase::Publishing => Some(until),
            _ => None,
        };
        let ping = self.connection.ping_at();
        let look = self.unseen_since.map(|since| since + ACK_LEISURE);
        [answer, hold, feed, ping, look, self.more_answers_by(), self.stop_at]
            .into_iter()
            .flatten()
            .fold(silence, Instant::min)
    }

    fn on_time(&mut self) -> Step {
        let now = Instant::now();
        self.now = now;
        if self.stop_at.is_some_and(|at| now >= at) {
            warn!("the broker did not answer in time for a graceful stop; it will publish the last will");
            return Err(Ended::Stopped);
        }
        self.receive()?;
        if now >= self.connection.last_moved() + self.silence_patience {
            return self.lost("nothing could be sent for too long");
        }
        if self.notifier.window.in_flight() > 0 && now >= self.last_answer + ACK_PATIENCE {
            return self.lost("the broker acknowledges nothing");
        }
        if matches!(self.notifier.reading, Reading::Failed(until) if now >= until) {
            self.notifier.reading = Reading::MayHaveMore;
        }
        self.connection.keep_alive_at(now).map_err(|failure| self.on_failure(&failure))
    }

    fn on_failure(&mut self, failure: &Failure) -> Ended {
        if self.stop_at.is_some() {
            return Ended::Stopped;
        }
        if blames_a_message(failure) {
            self.suspect();
        }
        Ended::Lost(describe(failure))
    }

    /// The broker ended the connection because of a message. If it was alone under way it is known which one; else all
    /// that were under way are sent one by one on the next connection.
    fn suspect(&mut self) {
        match self.notifier.window.alone_in_flight() {
            Some(position) => self.notifier.refuse(position, &"the broker ends the connection on it"),
            None => self.notifier.suspects_until = Some(self.notifier.window.submitted_end()),
        }
    }

    fn lost(&self, why: &str) -> Step {
        Err(if self.stop_at.is_some() { Ended::Stopped } else { Ended::Lost(why.to_owned()) })
    }
}

fn publish(topic: &str, payload: Bytes, retain: bool, properties: Option<PublishProperties>) -> Request {
    let topic = Bytes::copy_from_slice(topic.as_bytes());
    Request::Publish(Publish { qos: QoS::AtLeastOnce, retain, topic, payload, properties, ..Publish::default() })
}

/// There is a ping every keep-alive, so some byte moves at least that often.
fn silence_patience(keep_alive: Duration) -> Duration {
    (keep_alive + keep_alive / 2).max(Duration::from_secs(CONNECT_PATIENCE_SECS)) + Duration::from_secs(1)
}
