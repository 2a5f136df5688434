//! A real mosquitto for one test: its own folder, its own free port on the loopback, gone when dropped.

use std::{
    fs,
    io::ErrorKind,
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
const START_PATIENCE: Duration = Duration::from_secs(10);

/// A port of the loopback that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A running broker, or one that was stopped and can be started again.
pub(crate) struct Mosquitto {
    child: Option<Child>,
    dir: TempDir,
    port: u16,
}

impl Mosquitto {
    /// Starts a broker that lets everyone in, with further lines of configuration. `{dir}` stands for its folder.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_on(free_port(), config)
    }

    /// The same on a given port.
    pub(crate) fn start_on(port: u16, config: &str) -> Self {
        let dir = TempDir::new().unwrap();
        Self::start_in(dir, port, config)
    }

    /// The same in a folder that already holds the files that the configuration names.
    pub(crate) fn start_in(dir: TempDir, port: u16, config: &str) -> Self {
        // Started by root it would become another user, who could not read the folder.
        let base = format!(
            "listener {port} 127.0.0.1\nuser root\nallow_anonymous true\npersistence false\n\
             log_dest file {{dir}}/log\nlog_type all\n{config}\n"
        );
        fs::write(dir.path().join("conf"), base.replace("{dir}", dir.path().to_str().unwrap())).unwrap();
        let mut broker = Self { child: None, dir, port };
        broker.run();
        broker
    }

    /// Starts it again after [`stop`](Self::stop); it remembers nothing.
    pub(crate) fn run(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        self.child = Some(spawn(&self.dir.path().join("conf")));
        let began = Instant::now();
        while TcpStream::connect_timeout(&self.addr(), Duration::from_secs(1)).is_err() {
            let exited = self.child.as_mut().unwrap().try_wait().unwrap();
            assert!(
                exited.is_none() && began.elapsed() < START_PATIENCE,
                "mosquitto does not start ({exited:?}):\n{}",
                self.log()
            );
            sleep(Duration::from_millis(10));
        }
    }

    /// Kills it, as a power cut would.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Writes a file into its folder.
    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Makes it read its configuration, passwords and access rules again.
    pub(crate) fn reload(&self) {
        let id = i32::try_from(self.child.as_ref().unwrap().id()).unwrap();
        kill_process(Pid::from_raw(id).unwrap(), Signal::HUP).unwrap();
    }

    /// What it has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// A file in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.stop();
    }
}

fn spawn(config: &Path) -> Child {
    for program in PROGRAMS {
        let mut command = Command::new(program);
        command.arg("-c").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.spawn() {
            Ok(child) => return child,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => panic!("cannot start {program}: {error}"),
        }
    }
    panic!("mosquitto is not installed; these tests need it (Debian: apt-get install mosquitto)");
}
