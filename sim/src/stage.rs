//! One afternoon's stage: the scene around a gateway, with platform, families and somebody who looks.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use jiff::civil::Date;
use schoolgate::ledger::Report;
use schoolgate_core::time::Wall;
use tokio::time::sleep;

use crate::{
    afternoon::{Afternoon, MAX_SPEED},
    board::{Board, Counts},
    campus::Campus,
    demo::{DemoError, Options},
    ledger_check::LedgerView,
    observer::{Observer, Subject},
    platform::{Options as PlatformOptions, Platform},
    player::Pace,
    scene::{PLATFORM_TOKEN, Scene, Setting},
    school::School,
    verdict::{Due, Evidence, Verdict},
    watcher::Watcher,
};

/// The gateway may take so long to start, in true time, before the afternoon begins.
const LEAD: Duration = Duration::from_secs(2);
/// What was under way when the gateway stopped may take so long to arrive.
const LAST_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The first afternoon's day.
const FIRST_DAY: Date = jiff::civil::date(2026, 9, 1);
/// The gateway keeps here when its simulated clock began, in true milliseconds since 1970.
const CLOCK_ANCHOR: &str = "simulated-clock";

pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) afternoon: Afternoon,
    pub(crate) speed: u32,
    pub(crate) observer: Observer,
    /// Cards presented.
    pub(crate) taps: u64,
    watcher: Arc<Watcher>,
    platform: Platform,
}

impl Stage {
    /// Sets the stage of the afternoon with this number, from 0.
    pub(crate) async fn set(
        options: &Options,
        broker: SocketAddr,
        number: u32,
        board: Arc<Board>,
    ) -> Result<Self, DemoError> {
        let seed = options.seed.wrapping_add(number.into());
        let school = School::generate(seed, options.students);
        let campus = Campus::for_students(school.students.len());
        let date = FIRST_DAY.checked_add(jiff::Span::new().days(number)).unwrap_or(FIRST_DAY);
        let afternoon = Afternoon::script(&school, &campus, date, seed);
        let speed = options.speed.unwrap_or_else(|| usual_speed(school.students.len())).clamp(1, MAX_SPEED);

        let platform = Platform::start(PlatformOptions::loopback([(campus.gateway.as_str(), PLATFORM_TOKEN)])).await?;
        let (watcher, news) = Watcher::listen(broker, &campus.school).await?;
        let watcher = Arc::new(watcher);
        let scene = Scene::set(Setting {
            school: school.clone(),
            campus: campus.clone(),
            broker: Some(broker),
            platform: Some(platform.addr()),
            clock: Some((clock_start(&afternoon, speed), speed)),
            lang: options.lang,
            show_ms: None,
        })
        .await?;
        board.change(|view| {
            view.afternoon = number + 1;
            view.date = date.to_string();
            view.speed = speed;
            view.counts = Counts::default();
            view.progress = 0;
        });
        let subject = Subject {
            school,
            campus,
            afternoon: afternoon.clone(),
            ledger: scene.ledger(),
            watcher: Arc::clone(&watcher),
            news,
            stored: platform.stored(),
            lines: Arc::clone(&scene.lines),
        };
        let observer = Observer::start(subject, board);
        Ok(Self { scene, afternoon, speed, observer, taps: 0, watcher, platform })
    }

    /// The afternoon begins, in step with the gateway's own clock.
    pub(crate) fn begin(&self) -> Pace {
        let now = Instant::now();
        let since_clock_began = self.clock_anchor().and_then(|began| SystemTime::now().duration_since(began).ok());
        let left = LEAD.saturating_sub(since_clock_began.unwrap_or_default());
        let pace = Pace { begins: now + left, speed: self.speed };
        self.observer.set_pace(pace);
        pace
    }

    /// Holds what happened against what was due, when the gateway has stopped.
    pub(crate) async fn verdict(&self, report: &Report) -> Result<Verdict, DemoError> {
        let mut ledger = LedgerView::new(self.scene.ledger());
        ledger.read_on()?;
        let mut due = Due::new(&self.scene.school, &self.scene.campus);
        if let Some(id) = report.ledger {
            due.set_ledger(id);
        }
        let messages: Vec<_> = ledger.entries.iter().flat_map(|entry| due.of(entry)).collect();
        let give_up = Instant::now() + LAST_PATIENCE;
        while Instant::now() < give_up && !messages.iter().all(|key| self.watcher.inbox().has(key)) {
            sleep(LOOK_EVERY).await;
        }
        let stored = self.platform.entries(self.scene.campus.gateway.as_str());
        let stored: Vec<u64> = stored.iter().map(|line| line.seq).collect();
        let evidence = Evidence {
            school: &self.scene.school,
            campus: &self.scene.campus,
            afternoon: &self.afternoon,
            entries: &ledger.entries,
            inbox: &self.watcher.inbox(),
            stored: &stored,
            taps: self.taps,
        };
        Ok(Verdict::find(&evidence, &due))
    }

    fn clock_anchor(&self) -> Option<SystemTime> {
        let text = std::fs::read_to_string(self.scene.data().join(CLOCK_ANCHOR)).ok()?;
        Some(UNIX_EPOCH + Duration::from_millis(text.trim().parse().ok()?))
    }
}

/// The gateway's clock starts so early that the gateway is ready when the afternoon begins.
fn clock_start(afternoon: &Afternoon, speed: u32) -> Wall {
    let lead_ms = i64::try_from((LEAD * speed).as_millis()).unwrap_or_default();
    let begins = afternoon.wall(Duration::ZERO);
    Wall::new(begins.unix_ms() - lead_ms, crate::afternoon::OFFSET_MIN)
}

/// An afternoon of a minute for a school of up to 500 students, and longer for larger ones.
fn usual_speed(students: usize) -> u32 {
    let share = 500.0 / students.max(500) as f64;
    (150.0 * share).max(50.0) as u32
}
