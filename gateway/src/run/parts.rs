//! The adapters, made from the configuration and started.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use schoolgate_core::{id::ReaderId, roster::Roster, site::Site, state::State};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tracing::{info, warn};

use super::{STOP_PATIENCE, StartError};
use crate::{
    clock::Clock,
    config::{Config, Link, Mqtt, OsdpLine, SecretText, SerialLine},
    ledger::{Durable, Ledger, LedgerId, LedgerReader, ReadError, Removed},
    notify::{
        Answer, ClientFiles, EntryFeed, FreshEntries, Login, Message, MessageWriter, Notifier, NotifySettings,
        NotifyStatus, Progress, ReplyDesk, SameState, TlsFiles, reply_filter,
    },
    readers::{
        Conversation, Desk, Displays, Examine, Proof, ReaderCounters, ReaderEvent, SerialPort, SerialStream, Talker,
        card_key::CardKey, em18, osdp, pcsc::PcscReader, pn532::Pn532, port::Port, rdm6300, scanner, sun::SunExaminer,
    },
    sync::{self, BatchLimits, Source, SourceError, SyncClient, SyncOptions, SyncStatus, Timing, Token},
};

/// Every reader's task.
pub(super) struct Readers {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    displays: Displays,
    counters: Vec<(ReaderId, Arc<ReaderCounters>)>,
}

impl Readers {
    /// `sun` is asked of every card that can be talked to.
    pub(super) fn start(
        config: &Config,
        card_key: &CardKey,
        sun: Option<&Arc<SunExaminer>>,
        events: &mpsc::Sender<ReaderEvent>,
    ) -> Result<Self, StartError> {
        let (stop, _) = watch::channel(false);
        let mut readers = Self { tasks: JoinSet::new(), stop, displays: Displays::default(), counters: Vec::new() };
        let mut buses: BTreeMap<&Path, (&SerialLine, Vec<osdp::Seat>)> = BTreeMap::new();
        for reader in &config.readers {
            let desk = Desk::new(reader.id.clone(), card_key.clone(), events.clone());
            let desk = desk.with_confirmation(reader.confirmation);
            readers.counters.push((reader.id.clone(), desk.counters()));
            match &reader.link {
                Link::Rdm6300(line) => readers.spawn(line, Talker::new(desk, rdm6300::Decoder::new())),
                Link::Osdp(line) => {
                    let seat = readers.seat(line, desk, card_key)?;
                    buses.entry(&line.serial.port).or_insert((&line.serial, Vec::new())).1.push(seat);
                }
                Link::Em18(line) => readers.spawn(line, Talker::new(desk, em18::Decoder::new())),
                Link::Scanner(line) => readers.spawn(line, Talker::new(desk, scanner::Decoder::new())),
                Link::Pn532(line) => {
                    let pn532 = Pn532::new(desk);
                    let pn532 = match sun {
                        Some(sun) => pn532.with_examiner(Arc::clone(sun) as Arc<dyn Examine>),
                        None => pn532,
                    };
                    readers.spawn(line, pn532);
                }
                Link::Pcsc { name } => {
                    let reader = PcscReader::new(desk, name, sun.cloned());
                    readers.tasks.spawn(reader.run(readers.stop.subscribe()));
                }
            }
        }
        let enrolments = osdp::Enrolments::below(&config.gateway.data_dir);
        for (_, (line, seats)) in buses {
            readers.spawn(line, osdp::Panel::new(line.baud, seats, enrolments.clone(), random_challenge));
        }
        Ok(readers)
    }

    /// A reader's seat on its bus.
    fn seat(&mut self, line: &OsdpLine, desk: Desk, card_key: &CardKey) -> Result<osdp::Seat, StartError> {
        let display = self.displays.add(desk.reader().clone());
        let own = match &line.key_file {
            Some(file) => osdp::Scbk::read(file).map_err(|cause| StartError::Reader(Box::new(cause)))?,
            None => osdp::Scbk::derive(card_key, desk.reader()),
        };
        let security = match line.secure {
            true => osdp::Security::Required { own, enrolled: true, may_enrol: line.enrol },
            false => osdp::Security::Off,
        };
        let proof = if line.secure && line.authenticates { Proof::SecureChannel } else { Proof::Number };
        Ok(osdp::Seat { desk: desk.with_proof(proof), display, address: line.address, security })
    }

    fn spawn(&mut self, line: &SerialLine, conversation: impl Conversation<SerialStream>) {
        let port = SerialPort::new(line.port.to_string_lossy(), line.baud);
        self.tasks.spawn(Port::new(port, conversation, random_u32).run(self.stop.subscribe()));
    }

    /// Each reader's totals.
    pub(super) fn counters(&self) -> Vec<(ReaderId, Arc<ReaderCounters>)> {
        self.counters.clone()
    }

    /// The readers that can show something.
    pub(super) fn displays(&mut self) -> Displays {
        std::mem::take(&mut self.displays)
    }

    /// Resolves when one of them has ended, which none should by itself; never, if there is none.
    pub(super) async fn ended(&mut self) {
        if self.tasks.join_next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }

    /// Closes every port.
    pub(super) async fn stop(&mut self) {
        self.stop.send_replace(true);
        let all_ended = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(STOP_PATIENCE, all_ended).await.is_err() {
            warn!("a reader's port does not close; left to itself");
        }
    }
}

/// The publisher, a task beside the shell: a tap's messages go out in the turn in which its lamp is lit, without another
/// thread to wake. All that may take its time is done elsewhere (names, handshakes, old entries on the disk).
pub(super) struct NotifyPart {
    task: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
    status: watch::Receiver<NotifyStatus>,
    /// What guardians answer.
    answers: mpsc::Receiver<Answer>,
}

/// Messages from the broker, and answers of guardians, that wait for their turn.
const ANSWERS_WAITING: usize = 64;

/// The cursor is kept by the housekeeping, from the status; nothing is to be done at each step.
struct KeptElsewhere;

impl Progress for KeptElsewhere {
    fn confirmed(&mut self, _through: u64) {}
}

impl NotifyPart {
    /// The publisher, if the configuration has a broker. It goes on after `state`'s last entry, shares memory with the
    /// state that is left in `same`, and does not read again what is left in `fresh`.
    pub(super) fn start(
        config: &Config,
        (ledger, id): (&Ledger, LedgerId),
        durable: watch::Receiver<Durable>,
        (site, roster): (Arc<Site>, watch::Receiver<Arc<Roster>>),
        (state, same, fresh): (State, SameState, FreshEntries),
        clock: Arc<dyn Clock>,
        health: watch::Receiver<Option<Message>>,
    ) -> Result<Option<Self>, StartError> {
        let Some(mqtt) = &config.mqtt else {
            info!("no broker configured: nobody is notified");
            return Ok(None);
        };
        let gateway = &config.gateway;
        let writer = MessageWriter::new(gateway.school.clone(), gateway.id.clone(), short(id));
        let through = state.last().0;
        let roster_for_replies = roster.clone();
        let feed = EntryFeed::new(ledger.reader(), durable, writer, site, roster, state, clock)
            .with_place_events(mqtt.place_events)
            .with_same_state(same)
            .with_fresh_entries(fresh);
        let settings = settings(config, mqtt)?;
        let (notifier, status) = Notifier::new(settings, feed, KeptElsewhere, through, random_u32)
            .map_err(|cause| StartError::Notify(Box::new(cause)))?;
        let (received, inbox) = mpsc::channel(ANSWERS_WAITING);
        let (answer, answers) = mpsc::channel(ANSWERS_WAITING);
        let notifier = notifier.with_inbox(received).with_standing(health);
        let replies = ReplyDesk::new(gateway.school.clone(), gateway.id.clone()).run(inbox, roster_for_replies, answer);
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move {
            let _ = stopped.await;
        };
        tokio::spawn(replies);
        let task = tokio::spawn(notifier.run(stopped));
        Ok(Some(Self { task, stop: Some(stop), status, answers }))
    }

    /// The last entry that every receiver's broker has.
    pub(super) fn confirmed(&self) -> u64 {
        self.status.borrow().confirmed_through
    }

    /// Waits until the broker has everything through that entry; not at all while there is no connection.
    pub(super) async fn caught_up(&mut self, through: u64) {
        let settled = |status: &NotifyStatus| !status.connected || status.confirmed_through >= through;
        let _ = self.status.wait_for(settled).await;
    }

    /// What a guardian answers next; never, if nobody is notified.
    pub(super) async fn next_answer(notify: Option<&mut Self>) -> Answer {
        let answer = match notify {
            Some(notify) => notify.answers.recv().await,
            None => None,
        };
        match answer {
            Some(answer) => answer,
            None => std::future::pending().await,
        }
    }

    /// Whether it has ended, which it should not by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Finishes what is under way and leaves the broker in order.
    pub(super) async fn stop(&mut self) {
        self.stop.take();
        // The status is closed when the publisher goes.
        let gone = async { while self.status.changed().await.is_ok() {} };
        if timeout(STOP_PATIENCE, gone).await.is_err() {
            warn!("the broker's connection does not end; left to itself");
        }
    }
}

fn settings(config: &Config, mqtt: &Mqtt) -> Result<NotifySettings, StartError> {
    let gateway = &config.gateway;
    let mut settings = NotifySettings::new(&mqtt.host, mqtt.port, gateway.school.as_str(), gateway.id.as_str());
    settings.client_id.clone_from(&mqtt.client_id);
    settings.subscriptions.push(reply_filter(&gateway.school));
    settings.keep_alive = mqtt.keep_alive;
    if let Some(user) = &mqtt.username {
        let password = match &mqtt.password_file {
            Some(file) => {
                SecretText::read(file).map_err(|cause| StartError::Notify(Box::new(cause)))?.expose().to_owned()
            }
            None => String::new(),
        };
        settings.login = Some(Login { user: user.clone(), password });
    }
    if let Some(tls) = &mqtt.tls {
        let client = tls.client.as_ref();
        let client = client.map(|c| ClientFiles { certificate: c.cert_file.clone(), key: c.key_file.clone() });
        let files = TlsFiles { ca: tls.ca_file.clone(), client };
        settings.tls = Some(files.load().map_err(|cause| StartError::Notify(Box::new(cause)))?);
    }
    Ok(settings)
}

/// The platform's client.
pub(super) struct SyncPart {
    client: SyncClient,
    status: watch::Receiver<SyncStatus>,
    durable: watch::Sender<u64>,
}

/// The ledger as sync reads it.
struct LedgerSource(LedgerReader);

impl Source for LedgerSource {
    fn read(&mut self, from_seq: u64, max_entries: usize, max_bytes: usize) -> Result<Vec<sync::Record>, SourceError> {
        self.0.read(from_seq, max_entries, max_bytes).map_err(|cause| match cause {
            // Retention takes nothing that the platform has not acknowledged: it has lost them since.
            ReadError::Removed(Removed { seq, resumes_at, .. }) => {
                SourceError::Removed { from: seq, first: resumes_at }
            }
            cause => SourceError::Read(Box::new(cause)),
        })
    }
}

impl SyncPart {
    /// The client, if the configuration has a platform. It goes on after `cursor`.
    pub(super) fn start(
        config: &Config,
        (ledger, id): (&Ledger, LedgerId),
        cursor: u64,
    ) -> Result<Option<Self>, StartError> {
        let Some(platform) = &config.platform else {
            info!("no platform configured: entries stay here");
            return Ok(None);
        };
        let token = SecretText::read(&platform.token_file).map_err(|cause| StartError::Sync(Box::new(cause)))?;
        let options = SyncOptions {
            url: platform.url.clone(),
            gateway: config.gateway.id.as_str().to_owned(),
            token: Token::new(token.expose()),
            ledger: id.0,
            ca_file: platform.ca_file.clone(),
            timing: Timing { request: platform.timeout, ..Timing::default() },
            batch: BatchLimits { entries: platform.batch_entries, ..BatchLimits::default() },
        };
        let source = LedgerSource(ledger.reader());
        let (durable, durable_seen) = watch::channel(ledger.durable().borrow().through);
        let client = SyncClient::start(options, source, durable_seen, cursor, sync::system_dice())
            .map_err(|cause| StartError::Sync(Box::new(cause)))?;
        let status = client.status();
        Ok(Some(Self { client, status, durable }))
    }

    /// More of the ledger is on disk. Told now and then rather than at every tap: the platform can wait a moment.
    pub(super) fn tell_durable(&self, through: u64) {
        self.durable.send_if_modified(|known| std::mem::replace(known, through) != through);
    }

    /// The last entry that the platform has.
    pub(super) fn acknowledged(&self) -> u64 {
        self.status.borrow().acknowledged
    }

    /// How the platform answered since this was last asked; none if it was not heard.
    pub(super) fn news(&mut self) -> Option<SyncStatus> {
        self.status.has_changed().unwrap_or(false).then(|| self.status.borrow_and_update().clone())
    }

    /// Why entries can't go to the platform until a person has looked, if that is so.
    pub(super) fn refused(&self) -> Option<String> {
        self.status.borrow().refused_code().map(str::to_owned)
    }

    /// Waits until the platform has everything through that entry; not at all while it can't be reached.
    pub(super) async fn caught_up(&mut self, through: u64) {
        let settled = |status: &SyncStatus| !status.reachable || status.acknowledged >= through;
        let _ = self.status.wait_for(settled).await;
    }

    /// Blocks until the client has ended.
    pub(super) fn stop(self) {
        self.client.stop();
    }
}

/// The first eight hex digits of the ledger's id.
fn short(id: LedgerId) -> String {
    id.to_string().chars().take(8).collect()
}

/// Chance for backoff; without it, every gateway waits the same, which is safe if not kind.
pub(super) fn random_u32() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX)
}

/// What readers' secure channels are begun with. None if the system has no random numbers: then they wait.
fn random_challenge() -> Option<[u8; 8]> {
    let mut challenge = [0; 8];
    getrandom::fill(&mut challenge).ok().map(|()| challenge)
}
