//! The demonstration: a school's afternoon around the gateway as it is shipped, with a broker, a platform and a network
//! that fails for part of it; and at its end, a count of everything.

use std::{
    io,
    net::SocketAddr,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use schoolgate_core::{
    text,
    text::{Bilingual, Lang},
};
use tokio::{
    sync::watch,
    time::{sleep, sleep_until},
};

use crate::{
    board::{Board, LineKind},
    broker::{Broker, BrokerError},
    gateway_process::{GatewayError, GatewayProcess},
    ledger_check::{LedgerCheckError, verify_stopped},
    network::Weather,
    page::Page,
    picture,
    platform::StartError,
    player::{self, Pace},
    scene::{Scene, SceneError},
    stage::Stage,
    verdict::Verdict,
    virtual_reader::VirtualReaderError,
    watcher::NotSubscribed,
};

/// The usual port of the page, if it is free.
const USUAL_PORT: u16 = 8_600;
/// The network is cut for this part of the afternoon, in time since its start: from 17:32 to 17:44. At the usual speed
/// that is five seconds; the publisher then needs about as long again to come back, as it tries ever more rarely.
const CUT: (Duration, Duration) = (Duration::from_secs(92 * 60), Duration::from_secs(104 * 60));
/// So long, in true time, may the backlog take to be gone after the afternoon.
const DRAIN_PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// One afternoon, and out.
    pub once: bool,
    /// How many times faster than life, 1 to [`MAX_SPEED`](crate::afternoon::MAX_SPEED); what suits the school's size without it.
    pub speed: Option<u32>,
    /// How many students.
    pub students: usize,
    /// What the first afternoon is made from; each further one takes the next.
    pub seed: u64,
    /// In which language the picture is.
    pub lang: Lang,
    /// Port of the page; the usual one or any free one without it.
    pub port: Option<u16>,
}

/// Why the demonstration ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// There is no broker.
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// There is no platform.
    #[error("the reference platform did not start")]
    Platform(#[from] StartError),
    /// The page can't be served.
    #[error("the page can't be served on port {0}")]
    Page(u16, #[source] io::Error),
    /// The scene can't be set.
    #[error(transparent)]
    Scene(#[from] SceneError),
    /// The gateway failed.
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    /// The families can't be listened for.
    #[error(transparent)]
    Watcher(#[from] NotSubscribed),
    /// A reader's bytes were not taken.
    #[error("a reader could not be played")]
    Reader(#[from] VirtualReaderError),
    /// The ledger does not hold.
    #[error(transparent)]
    Ledger(#[from] LedgerCheckError),
    /// Something was lost, or was there twice.
    #[error("{0}")]
    Bad(String),
    /// It was interrupted.
    #[error("interrupted before the afternoon was over")]
    Interrupted,
}

/// Plays afternoons until `stop` turns true, or one with [`Options::once`]; its verdict is returned then.
///
/// # Errors
/// Whatever keeps an afternoon from being played to its end, and a verdict that is not good.
pub async fn run(options: Options, stop: watch::Receiver<bool>) -> Result<Option<Verdict>, DemoError> {
    let board = Arc::new(Board::new());
    let page = serve_page(&board, options.port).await?;
    let (hide, hidden) = watch::channel(false);
    let showing = tokio::spawn(picture::show(Arc::clone(&board), options.lang, hidden));
    let url = page.url();
    say(&board, LineKind::Stage, |lang| text!(lang, zh: "实时页面：{url}", en: "live page: {url}"));
    let outcome = Demo { options, board, stop }.play().await;
    hide.send_replace(true);
    let _ = showing.await; // it shows the last lines and ends
    page.shutdown().await;
    outcome
}

async fn serve_page(board: &Arc<Board>, port: Option<u16>) -> Result<Page, DemoError> {
    let serve = async |port| Page::serve(Arc::clone(board), port).await.map_err(|error| DemoError::Page(port, error));
    match port {
        Some(port) => serve(port).await,
        None => match serve(USUAL_PORT).await {
            Ok(page) => Ok(page),
            Err(_) => serve(0).await,
        },
    }
}

struct Demo {
    options: Options,
    board: Arc<Board>,
    stop: watch::Receiver<bool>,
}

impl Demo {
    async fn play(mut self) -> Result<Option<Verdict>, DemoError> {
        let broker = Broker::start()?;
        for number in 0.. {
            let verdict = match self.afternoon(broker.addr(), number).await {
                Err(DemoError::Interrupted) if !self.options.once => return Ok(None),
                outcome => outcome?,
            };
            let line = verdict.to_string();
            self.board.change(|view| view.verdict = Some(line.clone()));
            if !verdict.is_good() {
                return Err(DemoError::Bad([verdict.told.join("\n"), line].join("\n")));
            }
            if self.options.once {
                return Ok(Some(verdict));
            }
            say(&self.board, LineKind::Stage, |_| line.clone());
        }
        Ok(None)
    }

    async fn afternoon(&mut self, broker: SocketAddr, number: u32) -> Result<Verdict, DemoError> {
        let mut stage = Stage::set(&self.options, broker, number, Arc::clone(&self.board)).await?;
        let (students, speed) = (stage.scene.school.students.len(), stage.speed);
        say(
            &self.board,
            LineKind::Stage,
            |lang| text!(lang, zh: "{students} 名学生的下午，{speed} 倍速", en: "an afternoon of {students} students, {speed} times as fast as life"),
        );
        let mut gateway = stage.scene.start_gateway().await?;
        let played = self.play_acts(&mut stage, &mut gateway).await;
        stage.scene.set_weather(Weather::Fair);
        if let Err(error) = played {
            let _ = gateway.stop().await; // what went wrong first is told
            return Err(error);
        }
        self.finish(stage, gateway).await
    }

    /// Plays the script, and fails the network for part of it.
    async fn play_acts(&mut self, stage: &mut Stage, gateway: &mut GatewayProcess) -> Result<(), DemoError> {
        let pace = stage.begin();
        let (taps, counted) = watch::channel(0);
        let mut readers = std::mem::take(&mut stage.scene.readers);
        let played = {
            let mut playing = pin!(player::play(&stage.afternoon, pace, &mut readers, &taps, &mut self.stop));
            let mut failing = pin!(fail_network(&self.board, &stage.scene, pace));
            let mut is_failing = true;
            loop {
                tokio::select! {
                    played = &mut playing => break played,
                    () = &mut failing, if is_failing => is_failing = false,
                    () = sleep(LOOK_EVERY) => {
                        gateway.check()?;
                        self.board.change(|view| view.counts.taps = *counted.borrow());
                    }
                }
            }
        };
        stage.scene.readers = readers;
        stage.taps = *counted.borrow();
        self.board.change(|view| view.counts.taps = stage.taps);
        played?;
        if *self.stop.borrow() { Err(DemoError::Interrupted) } else { Ok(()) }
    }

    /// Waits until everything has arrived, stops the gateway, and counts.
    async fn finish(&self, stage: Stage, mut gateway: GatewayProcess) -> Result<Verdict, DemoError> {
        say(
            &self.board,
            LineKind::Stage,
            |lang| text!(lang, zh: "放学结束，等待全部送达", en: "the afternoon is over; waiting for everything to arrive"),
        );
        let give_up = Instant::now() + DRAIN_PATIENCE;
        while !stage.observer.is_settled() && Instant::now() < give_up && !*self.stop.borrow() {
            gateway.check()?;
            sleep(LOOK_EVERY).await;
        }
        gateway.stop().await?;
        let report = verify_stopped(&stage.scene.ledger())?;
        let verdict = stage.verdict(&report).await?;
        if verdict.is_good() {
            say(
                &self.board,
                LineKind::Stage,
                |lang| text!(lang, zh: "网关已停止，记录校验无误", en: "the gateway has stopped; its ledger verifies"),
            );
        } else {
            let kept = stage.scene.keep();
            let kept = kept.display();
            say(
                &self.board,
                LineKind::Alarm,
                |lang| text!(lang, zh: "现场保留在 {kept}", en: "everything is kept in {kept}"),
            );
        }
        Ok(verdict)
    }
}

/// Cuts the line to the outside for a part of the afternoon, and says so.
async fn fail_network(board: &Board, scene: &Scene, pace: Pace) {
    let (cut, healed) = CUT;
    sleep_until(pace.true_time(cut).into()).await;
    scene.set_weather(Weather::Cut);
    board.change(|view| view.set_weather(Weather::Cut));
    say(
        board,
        LineKind::Stage,
        |lang| text!(lang, zh: "网络中断：通知与同步暂停，刷卡照常", en: "the network is cut: messages and sync wait, taps go on"),
    );
    sleep_until(pace.true_time(healed).into()).await;
    scene.set_weather(Weather::Fair);
    board.change(|view| view.set_weather(Weather::Fair));
    say(board, LineKind::Stage, |lang| text!(lang, zh: "网络恢复，补送开始", en: "the network is back: catching up"));
}

/// A line about the demonstration itself, at the time that the board shows.
fn say(board: &Board, kind: LineKind, sentence: impl Fn(Lang) -> String) {
    let clock = board.view().clock;
    board.say(&clock, kind, Bilingual::say(sentence));
}
