//! The gateway as a process of its own: found or built, started, stopped, killed.

use std::{
    collections::BTreeSet,
    env,
    ffi::OsStr,
    fs,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command as AsyncCommand},
    time::{sleep, timeout},
};

/// Names the gateway's binary; without it, the one beside this program is taken, and built if need be.
pub const BINARY_VARIABLE: &str = "SCHOOLGATE_BIN";
/// How long a gateway may take to open its readers.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// How long a gateway may take to stop in good order.
const STOP_PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The gateway logs this, and then which, for a reader whose line it has opened and emptied.
const READER_UP: &str = "reader up";
/// So much of the log's end is shown when the gateway dies.
const LOG_TAIL_BYTES: u64 = 8 * 1024;

/// A gateway that runs. Dropping it kills it.
#[derive(Debug)]
pub struct GatewayProcess {
    child: Child,
    log: PathBuf,
    /// Where in the log its own part begins, in bytes.
    log_from: u64,
}

/// What went wrong with the gateway's process.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The binary named is not there.
    #[error("{BINARY_VARIABLE} names {0}, which is no file")]
    NoBinary(PathBuf),
    /// It is not known where this program itself is.
    #[error("can't tell where this program is, beside which the gateway's should be")]
    OwnPath(#[source] io::Error),
    /// Cargo could not be run.
    #[error("cargo could not be run to build the gateway")]
    Cargo(#[source] io::Error),
    /// The gateway could not be built.
    #[error("the gateway does not build: cargo ended with {0}")]
    Build(ExitStatus),
    /// The log could not be made.
    #[error("the log {0} can't be made")]
    Log(PathBuf, #[source] io::Error),
    /// It could not be started.
    #[error("{0} can't be started")]
    Spawn(PathBuf, #[source] io::Error),
    /// It ended by itself.
    #[error("the gateway ended by itself with {status}; its log ends:\n{log}")]
    Died {
        /// How.
        status: ExitStatus,
        /// The log's end.
        log: String,
    },
    /// It does not do what was waited for.
    #[error("the gateway has not {what} after {patience:?}; its log ends:\n{log}")]
    Slow {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        patience: Duration,
        /// The log's end.
        log: String,
    },
    /// It could not be waited for or signalled.
    #[error("the gateway's process can't be dealt with")]
    Process(#[source] io::Error),
}

impl GatewayProcess {
    /// Starts `schoolgate run` on this configuration; its log is appended to `log`.
    pub fn start(config: &Path, log: &Path) -> Result<Self, GatewayError> {
        Self::start_with(config, log, &[])
    }

    /// The same with these environment variables set.
    pub fn start_with(config: &Path, log: &Path, environment: &[(&str, &OsStr)]) -> Result<Self, GatewayError> {
        let binary = binary()?;
        let open = || fs::OpenOptions::new().create(true).append(true).open(log);
        let log_error = |error| GatewayError::Log(log.to_owned(), error);
        let (out, err) = (open().map_err(log_error)?, open().map_err(log_error)?);
        let log_from = out.metadata().map_err(log_error)?.len();
        let child = AsyncCommand::new(&binary)
            .args(["run", "--config"])
            .arg(config)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            .process_group(0) // Ctrl-C is for the simulator, which stops the gateway in its own time
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| GatewayError::Spawn(binary, error))?;
        Ok(Self { child, log: log.to_owned(), log_from })
    }

    /// The process's id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it listens to every one of these readers' lines. To have opened one is not enough: what came by then
    /// is thrown away.
    pub async fn wait_until_open(&mut self, devices: &[PathBuf]) -> Result<(), GatewayError> {
        let all_open = async {
            loop {
                self.check()?;
                let has_opened = self.child.id().is_some_and(|id| has_open(id, devices));
                if has_opened && self.readers_up() >= devices.len() {
                    return Ok(());
                }
                sleep(LOOK_EVERY).await;
            }
        };
        match timeout(START_PATIENCE, all_open).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.slow("opened its readers", START_PATIENCE)),
        }
    }

    /// How many different readers have come up since its start, by its log.
    fn readers_up(&self) -> usize {
        let mut text = Vec::new();
        let read = fs::File::open(&self.log).and_then(|mut log| {
            log.seek(SeekFrom::Start(self.log_from))?;
            log.read_to_end(&mut text)
        });
        let text = String::from_utf8_lossy(&text);
        let up: BTreeSet<_> =
            text.lines().filter_map(|line| line.split_once(READER_UP)).map(|(_, which)| which).collect();
        if read.is_ok() { up.len() } else { 0 }
    }

    /// An error if it has ended.
    pub fn check(&mut self) -> Result<(), GatewayError> {
        match self.child.try_wait().map_err(GatewayError::Process)? {
            Some(status) => Err(GatewayError::Died { status, log: self.log_tail() }),
            None => Ok(()),
        }
    }

    /// Stops it in good order (SIGTERM) and waits for its end. It must end by itself and without an error.
    pub async fn stop(mut self) -> Result<(), GatewayError> {
        self.check()?;
        self.signal(Signal::TERM)?;
        match timeout(STOP_PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(GatewayError::Died { status, log: self.log_tail() }),
            Ok(Err(error)) => Err(GatewayError::Process(error)),
            Err(_) => Err(self.slow("stopped", STOP_PATIENCE)),
        }
    }

    /// Kills it (SIGKILL), as a power cut would, and waits for its end.
    pub async fn kill(mut self) -> Result<(), GatewayError> {
        self.child.kill().await.map_err(GatewayError::Process)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Result<(), GatewayError> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(id) = id else { return Ok(()) }; // it has ended
        kill_process(id, signal).map_err(|error| GatewayError::Process(error.into()))
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        tail(&self.log).unwrap_or_else(|error| format!("({} can't be read: {error})", self.log.display()))
    }

    fn slow(&self, what: &'static str, patience: Duration) -> GatewayError {
        GatewayError::Slow { what, patience, log: self.log_tail() }
    }
}

/// The gateway's binary. Run by cargo, it is built first, so that it is never an old one; run otherwise, the one beside
/// this program is taken, and built if there is none.
pub fn binary() -> Result<PathBuf, GatewayError> {
    static FOUND: Mutex<Option<PathBuf>> = Mutex::new(None);
    let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(binary) = found.as_ref() {
        return Ok(binary.clone());
    }
    let binary = find_or_build()?;
    *found = Some(binary.clone());
    Ok(binary)
}

fn find_or_build() -> Result<PathBuf, GatewayError> {
    if let Some(named) = env::var_os(BINARY_VARIABLE).map(PathBuf::from) {
        return if named.is_file() { Ok(named) } else { Err(GatewayError::NoBinary(named)) };
    }
    let own = env::current_exe().map_err(GatewayError::OwnPath)?;
    let mut folder = own.parent().unwrap_or(Path::new("."));
    if folder.file_name().is_some_and(|name| name == "deps") {
        folder = folder.parent().unwrap_or(folder); // test programs lie one folder deeper
    }
    let binary = folder.join("schoolgate");
    if env::var_os("CARGO").is_some() || !binary.is_file() {
        build(folder.file_name().is_some_and(|name| name == "release"))?;
    }
    if binary.is_file() { Ok(binary) } else { Err(GatewayError::NoBinary(binary)) }
}

fn build(release: bool) -> Result<(), GatewayError> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // For the whole workspace, so that what this program was built from serves again, and isn't compiled once more with
    // other features of shared crates.
    command.args(["build", "--workspace", "--bin", "schoolgate"]);
    if release {
        command.arg("--release");
    }
    // What cargo told this program about its own package would make some build scripts (ring's) take it for a change.
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("CARGO_PKG_")) {
        command.env_remove(name);
    }
    command.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_MANIFEST_PATH").env_remove("CARGO_MANIFEST_LINKS");
    let status = command.current_dir(env!("CARGO_MANIFEST_DIR")).status().map_err(GatewayError::Cargo)?;
    if status.success() { Ok(()) } else { Err(GatewayError::Build(status)) }
}

/// Whether that process has every one of these files open. Its own list of open files tells (Linux, proc(5)).
fn has_open(process: u32, files: &[PathBuf]) -> bool {
    let Ok(open) = fs::read_dir(format!("/proc/{process}/fd")) else { return false };
    let open: Vec<PathBuf> = open.flatten().filter_map(|fd| fs::read_link(fd.path()).ok()).collect();
    let resolved = files.iter().map(|file| fs::canonicalize(file).unwrap_or_else(|_| file.clone()));
    resolved.into_iter().all(|file| open.contains(&file))
}

fn tail(log: &Path) -> io::Result<String> {
    let file = fs::File::open(log)?;
    let from = file.metadata()?.len().saturating_sub(LOG_TAIL_BYTES);
    let mut bytes = vec![0; LOG_TAIL_BYTES as usize];
    let read = file.read_at(&mut bytes, from)?;
    bytes.truncate(read);
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
