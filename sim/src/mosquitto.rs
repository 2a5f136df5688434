//! A real mosquitto for tests and measurements: its own folder, its own free port on the loopback, gone when dropped.

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Where Debian installs it; it is not on every user's path.
const PROGRAMS: [&str; 2] = ["mosquitto", "/usr/sbin/mosquitto"];
/// How long it may take to listen, or to end.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A running broker, or one that was ended and can be started again. Its methods block for as long as it takes.
#[derive(Debug)]
pub struct Mosquitto {
    child: Option<Child>,
    dir: TempDir,
    port: u16,
}

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
pub enum MosquittoError {
    /// No free port could be had.
    #[error("could not find a free port for mosquitto")]
    FreePort(#[source] io::Error),
    /// Its folder could not be made.
    #[error("mosquitto's folder can't be made")]
    Folder(#[source] io::Error),
    /// A file could not be written.
    #[error("{0} can't be written")]
    Write(PathBuf, #[source] io::Error),
    /// It is not installed.
    #[error("mosquitto is not installed (Debian: apt-get install mosquitto)")]
    NotInstalled,
    /// It could not be started.
    #[error("{0} can't be started")]
    Spawn(&'static str, #[source] io::Error),
    /// It ended by itself or does not listen.
    #[error("mosquitto does not start; its log:\n{0}")]
    Silent(String),
    /// It does not end.
    #[error("mosquitto does not end; its log:\n{0}")]
    Endless(String),
    /// It could not be waited for or signalled.
    #[error("mosquitto's process can't be dealt with")]
    Process(#[source] io::Error),
}

/// A port of the loopback that was free a moment ago.
///
/// # Errors
/// [`MosquittoError::FreePort`].
pub fn free_port() -> Result<u16, MosquittoError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(MosquittoError::FreePort)?;
    Ok(listener.local_addr().map_err(MosquittoError::FreePort)?.port())
}

impl Mosquitto {
    /// Starts a broker that lets everyone in, with further lines of configuration; `{dir}` stands for its folder. It
    /// keeps nothing over its end unless `persistence true` is among them.
    ///
    /// # Errors
    /// [`MosquittoError`]: no broker runs then.
    pub fn start(config: &str) -> Result<Self, MosquittoError> {
        Self::start_on(free_port()?, config)
    }

    /// The same on a given port.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_on(port: u16, config: &str) -> Result<Self, MosquittoError> {
        let dir = TempDir::with_prefix("schoolgate-mosquitto-").map_err(MosquittoError::Folder)?;
        Self::start_in(dir, port, config)
    }

    /// The same in a folder that already holds the files that the configuration names.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_in(dir: TempDir, port: u16, config: &str) -> Result<Self, MosquittoError> {
        // Started by root it would become another user, who could not read the folder.
        let base = format!(
            "listener {port} 127.0.0.1\nuser root\nallow_anonymous true\npersistence_location {{dir}}/\n\
             log_dest file {{dir}}/log\nlog_type all\n{config}\n"
        );
        let config = base.replace("{dir}", &dir.path().to_string_lossy());
        let mut broker = Self { child: None, dir, port };
        broker.write("conf", &config)?;
        broker.run()?;
        Ok(broker)
    }

    /// Starts it again after its end; nothing happens if it runs.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn run(&mut self) -> Result<(), MosquittoError> {
        if self.child.is_some() {
            return Ok(());
        }
        let child = self.child.insert(spawn(&self.dir.path().join("conf"))?);
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let began = Instant::now();
        while TcpStream::connect_timeout(&addr, PATIENCE).is_err() {
            let exited = child.try_wait().map_err(MosquittoError::Process)?;
            if exited.is_some() || began.elapsed() > PATIENCE {
                return Err(MosquittoError::Silent(self.log()));
            }
            sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Ends it in good order (SIGTERM): with `persistence true` it writes down what it keeps.
    ///
    /// # Errors
    /// [`MosquittoError::Process`], [`MosquittoError::Endless`].
    pub fn stop(&mut self) -> Result<(), MosquittoError> {
        self.signal(Signal::TERM)?;
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let began = Instant::now();
        while child.try_wait().map_err(MosquittoError::Process)?.is_none() {
            if began.elapsed() > PATIENCE {
                self.child = Some(child);
                return Err(MosquittoError::Endless(self.log()));
            }
            sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Kills it (SIGKILL), as a power cut would.
    ///
    /// # Errors
    /// [`MosquittoError::Process`].
    pub fn kill(&mut self) -> Result<(), MosquittoError> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        child.kill().and_then(|()| child.wait()).map(drop).map_err(MosquittoError::Process)
    }

    /// Makes it read its configuration, passwords and access rules again.
    ///
    /// # Errors
    /// [`MosquittoError::Process`].
    pub fn reload(&self) -> Result<(), MosquittoError> {
        self.signal(Signal::HUP)
    }

    /// Writes a file into its folder.
    ///
    /// # Errors
    /// [`MosquittoError::Write`].
    pub fn write(&self, name: &str, content: &str) -> Result<(), MosquittoError> {
        let path = self.path(name);
        fs::write(&path, content).map_err(|error| MosquittoError::Write(path, error))
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// A file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    fn signal(&self, signal: Signal) -> Result<(), MosquittoError> {
        let id = self.child.as_ref().and_then(|child| i32::try_from(child.id()).ok()).and_then(Pid::from_raw);
        let Some(id) = id else { return Ok(()) }; // it does not run
        kill_process(id, signal).map_err(|error| MosquittoError::Process(error.into()))
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn spawn(config: &Path) -> Result<Child, MosquittoError> {
    for program in PROGRAMS {
        let mut command = Command::new(program);
        command.arg("-c").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.spawn() {
            Ok(child) => return Ok(child),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(MosquittoError::Spawn(program, error)),
        }
    }
    Err(MosquittoError::NotInstalled)
}
