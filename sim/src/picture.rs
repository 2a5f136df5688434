//! The afternoon in the terminal: lines that scroll by, and below them, where it is a terminal, figures that stay.

use std::{
    io::{self, IsTerminal, Write},
    sync::Arc,
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use schoolgate_core::{text, text::Lang};
use tokio::{sync::watch, time::sleep};

use crate::board::{Board, Line, LineKind, View};

/// How often the picture is drawn anew, at most.
const DRAW_EVERY: Duration = Duration::from_millis(80);
/// The progress bar's length: thousandths of the afternoon.
const WHOLE: u64 = 1_000;

/// Shows the board until `stop` turns true.
pub async fn show(board: Arc<Board>, lang: Lang, mut stop: watch::Receiver<bool>) {
    let mut picture = Picture::new(lang);
    let mut version = board.version();
    loop {
        let stopped = *stop.borrow();
        picture.draw(&board);
        if stopped {
            return picture.clear();
        }
        tokio::select! {
            changed = stop.changed() => if changed.is_err() { return picture.clear() },
            changed = version.changed() => {
                if changed.is_err() {
                    return picture.clear();
                }
                sleep(DRAW_EVERY).await;
            }
        }
    }
}

struct Picture {
    lang: Lang,
    shown: u64,
    /// None where nobody looks at a terminal: plain lines then.
    bars: Option<Bars>,
}

struct Bars {
    all: MultiProgress,
    figures: Vec<ProgressBar>,
    progress: ProgressBar,
}

impl Picture {
    fn new(lang: Lang) -> Self {
        Self { lang, shown: 0, bars: io::stdout().is_terminal().then(Bars::new) }
    }

    fn draw(&mut self, board: &Board) {
        for line in board.lines_after(self.shown) {
            if line.number > self.shown + 1 && self.shown > 0 {
                let missed = line.number - self.shown - 1;
                self.print(&text!(self.lang, zh: "……略去 {missed} 行", en: "… {missed} lines not shown"));
            }
            self.shown = line.number;
            self.print(&render(&line, self.lang, self.bars.is_some()));
        }
        if let Some(bars) = &self.bars {
            let view = board.view();
            for (bar, text) in bars.figures.iter().zip(figures(&view, self.lang)) {
                bar.set_message(text);
            }
            bars.progress.set_position(view.progress.into());
            bars.progress.set_message(view.clock);
        }
    }

    /// A terminal that is gone takes nothing, and that is no reason to end.
    fn print(&self, line: &str) {
        let _ = match &self.bars {
            Some(bars) => bars.all.println(line),
            None => writeln!(io::stdout(), "{line}"),
        };
    }

    fn clear(&self) {
        if let Some(bars) = &self.bars {
            let _ = bars.all.clear();
        }
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stdout());
        let line = || {
            let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            all.add(ProgressBar::new(1).with_style(style))
        };
        let figures = vec![line(), line(), line()];
        let style = ProgressStyle::with_template("{msg} [{wide_bar}]").unwrap_or_else(|_| ProgressStyle::default_bar());
        let progress = all.add(ProgressBar::new(WHOLE).with_style(style.progress_chars("━╸ ")));
        Self { all, figures, progress }
    }
}

fn render(line: &Line, lang: Lang, colours: bool) -> String {
    let (at, text) = (&line.at, line.text.get(lang));
    let colour = match line.kind {
        LineKind::Came | LineKind::Waits => "",
        LineKind::Went => "\x1b[32m",
        LineKind::Alarm => "\x1b[31m",
        LineKind::Stage => "\x1b[36m",
    };
    if colours && !colour.is_empty() { format!("{at} {colour}{text}\x1b[0m") } else { format!("{at} {text}") }
}

/// The figures, three lines of them.
fn figures(view: &View, lang: Lang) -> [String; 3] {
    let c = &view.counts;
    let (taps, on_campus, fetched, alone) = (c.taps, c.on_campus, c.fetched, c.went_alone);
    let (entries, delivered, repeats, synced) = (c.entries, c.delivered, c.repeats, c.synced);
    let (messages, unsynced) = (c.messages_waiting, c.entries_waiting);
    let network = match view.network_up {
        true => text!(lang, zh: "网络正常", en: "network up"),
        false => text!(lang, zh: "网络中断", en: "NETWORK CUT"),
    };
    [
        text!(
            lang,
            zh: "刷卡 {taps}　在校 {on_campus}　已接走 {fetched}　自行回家 {alone}",
            en: "taps {taps} · on campus {on_campus} · fetched {fetched} · gone alone {alone}",
        ),
        text!(
            lang,
            zh: "已落盘 {entries}　已送达 {delivered} 条通知（重发 {repeats}）　平台已存 {synced}",
            en: "on disk {entries} · delivered {delivered} messages ({repeats} repeats) · at the platform {synced}",
        ),
        text!(
            lang,
            zh: "{network}　待送达 {messages} 条通知　待同步 {unsynced} 条记录",
            en: "{network} · waiting: {messages} messages, {unsynced} entries",
        ),
    ]
}
