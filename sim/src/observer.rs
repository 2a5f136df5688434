//! Looks at everything from outside while the afternoon goes by, and puts it on the board: the ledger on disk, what has
//! arrived over MQTT, what the platform has, the lamps and the clock.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use schoolgate_core::{
    credential::CredentialId,
    entry::Entry,
    id::{PlaceId, ReaderId},
    state::State,
    time::Mono,
};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, spawn_blocking},
    time::{MissedTickBehavior, interval},
};

use crate::{
    afternoon::Afternoon,
    board::{Board, Lamps, Names},
    campus::{Campus, Spot},
    inbox::{Message, MessageKey},
    ledger_check::{LedgerView, ledger_id},
    player::Pace,
    school::School,
    verdict::Due,
    virtual_lines::VirtualLines,
    watcher::Watcher,
};

const LOOK_EVERY: Duration = Duration::from_millis(150);

/// What is looked at.
#[derive(Debug)]
pub struct Subject {
    /// Who is who.
    pub school: School,
    /// What stands where.
    pub campus: Campus,
    /// The script.
    pub afternoon: Afternoon,
    /// The folder of the gateway's ledger.
    pub ledger: PathBuf,
    /// The families, boards and staff.
    pub watcher: Arc<Watcher>,
    /// What they are told, as it comes.
    pub news: mpsc::Receiver<Message>,
    /// How many entries the platform has stored.
    pub stored: watch::Receiver<u64>,
    /// The lamps.
    pub lines: Arc<VirtualLines>,
}

/// The one who looks. Dropping it ends that.
#[derive(Debug)]
pub struct Observer {
    pace: watch::Sender<Option<Pace>>,
    settled: watch::Receiver<bool>,
    looking: JoinHandle<()>,
}

impl Observer {
    /// Begins to look.
    pub fn start(subject: Subject, board: Arc<Board>) -> Self {
        let (pace, pace_told) = watch::channel(None);
        let (tell_settled, settled) = watch::channel(false);
        let looker = Looker {
            names: Names::of(&subject.school, &subject.campus),
            pace: pace_told,
            settled: tell_settled,
            taps_due: subject.afternoon.recorded_taps().values().sum(),
            on_disk: Some(OnDisk::new(&subject)),
            subject,
            board,
        };
        Self { pace, settled, looking: tokio::spawn(looker.run()) }
    }

    /// Says how the afternoon's time runs.
    pub fn set_pace(&self, pace: Pace) {
        self.pace.send_replace(Some(pace));
    }

    /// Whether every tap is on disk, everything on disk has arrived, and nothing more will come of itself: no call is
    /// open, no alarm is on.
    pub fn is_settled(&self) -> bool {
        *self.settled.borrow()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

struct Looker {
    subject: Subject,
    board: Arc<Board>,
    names: Names,
    pace: watch::Receiver<Option<Pace>>,
    settled: watch::Sender<bool>,
    /// So many taps the script has that must be recorded.
    taps_due: u64,
    /// Away while it is being read.
    on_disk: Option<OnDisk>,
}

/// The ledger as far as it was read, and what must come of it.
struct OnDisk {
    view: LedgerView,
    due: Due,
    knows_ledger: bool,
    folder: PathBuf,
    state: State,
    /// Messages that must come and have not.
    waiting: HashSet<MessageKey>,
    /// Moments at which a card was recorded at a reader. One tap may leave several entries, all of its moment.
    taps: HashSet<(ReaderId, CredentialId, Mono)>,
}

impl OnDisk {
    fn new(subject: &Subject) -> Self {
        let folder = subject.ledger.clone();
        Self {
            view: LedgerView::new(&folder),
            due: Due::new(&subject.school, &subject.campus),
            knows_ledger: false,
            folder,
            state: State::default(),
            waiting: HashSet::new(),
            taps: HashSet::new(),
        }
    }

    /// Reads what was added to the ledger. Blocks on the disk. What can't be read now is tried again the next time; at the
    /// end the ledger is verified as a whole.
    fn read_on(mut self) -> Self {
        if !self.knows_ledger {
            let Ok(ledger) = ledger_id(&self.folder) else { return self };
            self.due.set_ledger(ledger);
            self.knows_ledger = true;
        }
        let known = self.view.entries.len();
        if let Err(error) = self.view.read_on() {
            tracing::debug!(%error, "the ledger can't be read on for now");
        }
        for entry in self.view.entries.get(known..).unwrap_or_default() {
            self.waiting.extend(self.due.of(entry));
            let tap = entry.what.tap().map(|tap| (tap.reader.clone(), tap.credential, entry.at.mono));
            self.taps.extend(tap);
            let _ = self.state.apply(entry); // in order, as the view reads them
        }
        self
    }
}

impl Looker {
    async fn run(mut self) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some(message) = self.subject.news.recv() => self.told(message),
                _ = look.tick() => self.look().await,
            }
        }
    }

    fn told(&self, message: Message) {
        let entry: Option<Entry> = message.entry;
        self.board.change(|view| {
            if let Some(entry) = &entry {
                view.tell(entry, &self.names);
            }
        });
    }

    async fn look(&mut self) {
        self.read_ledger().await;
        let Some(on_disk) = &mut self.on_disk else { return };
        let stored = *self.subject.stored.borrow();
        let entries = on_disk.view.entries.len() as u64;
        let (delivered, repeats) = {
            let inbox = self.subject.watcher.inbox();
            on_disk.waiting.retain(|key| !inbox.has(key));
            (inbox.distinct(), inbox.repeats())
        };
        let messages_waiting = on_disk.waiting.len() as u64;
        let nothing_open = on_disk.state.calls().is_empty() && on_disk.state.alarms().is_empty();
        let all_recorded = on_disk.taps.len() as u64 >= self.taps_due;
        let lamps = self.lamps();
        let (clock, progress) = self.clock();
        self.board.change(|view| {
            view.counts.entries = entries;
            view.counts.delivered = delivered;
            view.counts.repeats = repeats;
            view.counts.messages_waiting = messages_waiting;
            view.counts.synced = stored;
            view.counts.entries_waiting = entries.saturating_sub(stored);
            view.lamps = lamps;
            view.clock = clock;
            view.progress = progress;
        });
        self.settled.send_replace(all_recorded && nothing_open && messages_waiting == 0 && stored >= entries);
    }

    async fn read_ledger(&mut self) {
        let Some(on_disk) = self.on_disk.take() else { return };
        self.on_disk = spawn_blocking(move || on_disk.read_on()).await.ok();
    }

    /// The clock on the school's wall, and how much of the afternoon is over, in thousandths.
    fn clock(&self) -> (String, u32) {
        let Some(pace) = *self.pace.borrow() else { return (String::new(), 0) };
        let gone = pace.afternoon_time(Instant::now());
        let share = gone.as_secs_f64() / self.subject.afternoon.length.as_secs_f64().max(1.0);
        (self.subject.afternoon.wall(gone).time_of_day().to_string(), (share * 1_000.0).min(1_000.0) as u32)
    }

    fn lamps(&self) -> Vec<Lamps> {
        let lines = self.subject.lines.levels();
        let lit = |place: &PlaceId, lamp: &str| lines.get(format!("{place}.{lamp}").as_str()).copied().unwrap_or(false);
        let lamps = |spot: &Spot| Lamps {
            name: spot.name.clone(),
            green: lit(&spot.id, "green"),
            amber: lit(&spot.id, "amber"),
            red: lit(&spot.id, "red"),
            release: lit(&spot.id, "release"),
        };
        self.subject.campus.spots.iter().map(lamps).collect()
    }
}
