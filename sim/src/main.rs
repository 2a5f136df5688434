//! `schoolgate-sim`: a school without hardware, for looking at and for trying things out.

use std::{
    collections::BTreeMap,
    error::Error,
    io::{self, Write},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use schoolgate::cli::{LangArg, language};
use schoolgate_core::{text, text::Lang};
use schoolgate_sim::{
    afternoon::MAX_SPEED,
    demo,
    platform::{Limits, Options as PlatformOptions, Platform},
    school::{MAX_STUDENTS, School},
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing::Level;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// A school without hardware: readers, people, broker, platform and network around the gateway / 没有硬件的学校
#[derive(Debug, Parser)]
#[command(name = "schoolgate-sim", version)]
struct Cli {
    /// Language; without it LC_ALL, LC_MESSAGES and LANG decide / 语言；不写则由环境变量决定
    #[arg(long, global = true, value_enum, value_name = "LANG")]
    lang: Option<LangArg>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play a school's afternoon around the gateway as it is shipped / 围绕真实网关演练一个放学下午
    Demo {
        /// One afternoon, then a count of everything; fails if anything was lost / 只演一个下午，清点后退出
        #[arg(long)]
        once: bool,
        /// How many times faster than life; without it, an afternoon of about a minute / 快多少倍
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_SPEED)))]
        speed: Option<u32>,
        /// How many students / 学生人数
        #[arg(long, value_name = "N", default_value_t = 200, value_parser = students)]
        students: usize,
        /// What everything is made from; the same seed gives the same afternoon / 随机种子
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
        /// Port of the live page; without it 8600 or any free one / 实时页面端口
        #[arg(long, value_name = "P")]
        port: Option<u16>,
    },
    /// Print a generated school's roster as JSON / 打印生成的名册
    School {
        /// What it is made from / 随机种子
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u64,
        /// How many students / 学生人数
        #[arg(long, value_name = "N", default_value_t = 200, value_parser = students)]
        students: usize,
    },
    /// Run the reference platform alone, until Ctrl-C / 单独运行参考平台
    Platform {
        /// Where to listen / 监听地址
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
        listen: SocketAddr,
        /// A gateway and its token, as ID=TOKEN; may be given again / 网关编号与令牌
        #[arg(long = "gateway", value_name = "ID=TOKEN", value_parser = gateway, required = true)]
        gateways: Vec<(String, String)>,
        /// Where to keep what is sent; in memory only without it / 数据存放处
        #[arg(long, value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

fn students(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=MAX_STUDENTS).contains(number));
    number.ok_or_else(|| format!("1 to {MAX_STUDENTS} would do"))
}

fn gateway(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(id, token)| !id.is_empty() && !token.is_empty());
    parts.map(|(id, token)| (id.to_owned(), token.to_owned())).ok_or_else(|| "gate-1=TOKEN would do".to_owned())
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let lang = language(cli.lang, |name| std::env::var(name).ok());
    let quiet = || Targets::new().with_default(Level::ERROR).with_target("rumqttd", LevelFilter::OFF);
    let asked = std::env::var("RUST_LOG").ok().and_then(|filter| filter.parse().ok());
    let lines = fmt::layer().with_writer(io::stderr);
    tracing_subscriber::registry().with(lines).with(asked.unwrap_or_else(quiet)).init();
    let done = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(run(cli.command, lang)),
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command, lang: Lang) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Demo { once, speed, students, seed, port } => {
            let options = demo::Options { once, speed, students, seed, lang, port };
            if let Some(verdict) = demo::run(options, stop_signal()?).await? {
                writeln!(io::stdout(), "{verdict}")?;
            }
        }
        Command::School { seed, students } => {
            let mut out = io::BufWriter::new(io::stdout().lock());
            serde_json::to_writer_pretty(&mut out, &School::generate(seed, students).document())?;
            writeln!(out)?;
            out.flush()?;
        }
        Command::Platform { listen, gateways, folder } => {
            let tokens: BTreeMap<_, _> = gateways.into_iter().collect();
            let limits = Limits::default();
            let platform = Platform::start(PlatformOptions { listen, tokens, folder, limits }).await?;
            let url = platform.url();
            writeln!(io::stdout(), "{}", text!(lang, zh: "参考平台：{url}", en: "reference platform: {url}"))?;
            let _ = stop_signal()?.wait_for(|stop| *stop).await;
            platform.shutdown().await;
        }
    }
    Ok(())
}

/// Turns true at Ctrl-C, SIGTERM, or when the terminal goes.
fn stop_signal() -> io::Result<watch::Receiver<bool>> {
    let (stop, stopped) = watch::channel(false);
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let mut hang_up = signal(SignalKind::hangup())?; // the terminal was closed: the gateway must not be left alone
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
        stop.send_replace(true);
    });
    Ok(stopped)
}

/// The error and its causes, in one line each.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text.push_str(&format!("\n  {source}"));
        cause = source.source();
    }
    text
}
