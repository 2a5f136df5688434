//! The emulated board, from outside: its console, its wires, its GPIO chip's registers.

use std::{
    env, fs,
    io::{BufRead, BufReader, Write},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{initramfs, tree};

/// An emulated machine on a busy one takes its time.
const PATIENCE: Duration = Duration::from_secs(100);

/// Where `virt` has its PL061, and its data register with all eight lines unmasked (ARM DDI 0190, 3.3.1).
const DATA: u64 = 0x0903_0000 + (0xFF << 2);

/// A running board, ended when it is dropped.
pub(crate) struct Machine {
    qemu: Child,
    console: ChildStdin,
    heard: Receiver<String>,
    wires: Talk,
    chip: String,
    _folder: TempDir,
}

/// A line of text there, a line of text back.
struct Talk(BufReader<UnixStream>);

impl Talk {
    fn ask(&mut self, question: &str) -> String {
        writeln!(self.0.get_mut(), "{question}").unwrap();
        self.hear()
    }

    fn hear(&mut self) -> String {
        let mut answer = String::new();
        self.0.read_line(&mut answer).unwrap();
        answer
    }
}

impl Machine {
    /// Boots the board, with these names of its lines; nothing if what it needs is not there.
    pub(crate) fn boot(names: &[&str]) -> Option<Self> {
        let parts = env::var_os("SCHOOLGATE_BOARD").map(PathBuf::from).filter(|parts| parts.join("init").exists());
        let Some(parts) = parts else {
            println!(
                "SKIPPED: no emulated board (gateway/lines/tests/board/fetch makes one, SCHOOLGATE_BOARD names it)"
            );
            return None;
        };
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("initrd"), initramfs::with_init(&fs::read(parts.join("init")).unwrap())).unwrap();
        fs::write(at("dtb"), tree::with_line_names(&dumped_tree(&parts, &at("plain")), names)).unwrap();
        let [wires, control] = ["wires", "control"].map(|name| UnixListener::bind(at(name)).unwrap());
        let mut qemu = board(&parts)
            .arg("-kernel")
            .arg(parts.join("kernel"))
            .arg("-initrd")
            .arg(at("initrd"))
            .arg("-dtb")
            .arg(at("dtb"))
            .args(["-append", "console=ttyAMA0 quiet panic=-1", "-no-reboot", "-accel", "tcg", "-serial", "stdio"])
            .args(["-qtest-log", "/dev/null", "-qtest", &format!("unix:{}", at("wires").display())])
            .args(["-qmp", &format!("unix:{}", at("control").display())])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (console, said) = (qemu.stdin.take().unwrap(), qemu.stdout.take().unwrap());
        let (say, heard) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(said).split(b'\n').map_while(Result::ok);
            lines.map(|line| String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned()).for_each(|line| {
                println!("| {line}");
                let _ = say.send(line);
            });
        });
        let [wires, mut control] = [wires, control].map(|listener| accept(listener, &mut qemu));
        let machine = Self { qemu, console, heard, wires, chip: chip(&mut control), _folder: folder };
        machine.hear("ready");
        Some(machine)
    }

    /// Says something on the console and waits for an answer that begins so.
    pub(crate) fn ask(&mut self, order: &str, beginning: &str) -> String {
        writeln!(self.console, "{order}").unwrap();
        self.hear(beginning)
    }

    /// The next line on the console that begins so; others are passed over, among them the echo.
    pub(crate) fn hear(&self, beginning: &str) -> String {
        let began = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(began.elapsed());
            let line = self.heard.recv_timeout(left).unwrap_or_else(|_| panic!("no {beginning:?} in time"));
            if line.starts_with(beginning) {
                return line;
            }
        }
    }

    /// Drives an input from outside.
    pub(crate) fn drive(&mut self, line: u32, high: bool) {
        let (chip, level) = (&self.chip, u8::from(high));
        let answer = self.wires.ask(&format!("set_irq_in {chip} unnamed-gpio-in {line} {level}"));
        assert_eq!(answer.trim_end(), "OK");
    }

    /// The level of a line, by the chip's own register.
    pub(crate) fn is_high(&mut self, line: u32) -> bool {
        let answer = self.wires.ask(&format!("readl {DATA:#x}"));
        let value = answer.trim_end().strip_prefix("OK 0x").unwrap_or_else(|| panic!("{answer}"));
        u64::from_str_radix(value, 16).unwrap() >> line & 1 == 1
    }

    pub(crate) fn until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let began = Instant::now();
        while !holds(self) {
            assert!(began.elapsed() < PATIENCE, "not in time: {what}");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

fn board(parts: &Path) -> Command {
    let mut qemu = Command::new(parts.join("qemu"));
    qemu.args(["-cpu", "cortex-a53", "-m", "192", "-display", "none", "-monitor", "none", "-nic", "none"]);
    qemu.args(["-M", "virt"]);
    qemu
}

/// The device tree that QEMU would give the kernel.
fn dumped_tree(parts: &Path, to: &Path) -> Vec<u8> {
    let dumped = board(parts).args(["-M", &format!("dumpdtb={}", to.display())]).stderr(Stdio::null()).status();
    assert!(dumped.unwrap().success(), "QEMU gives no device tree");
    fs::read(to).unwrap()
}

fn accept(listener: UnixListener, qemu: &mut Child) -> Talk {
    listener.set_nonblocking(true).unwrap();
    let began = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                stream.set_nonblocking(false).unwrap();
                return Talk(BufReader::new(stream));
            }
            Err(error) => {
                assert!(began.elapsed() < PATIENCE && qemu.try_wait().unwrap().is_none(), "QEMU: {error}");
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// What QEMU calls the GPIO chip.
fn chip(control: &mut Talk) -> String {
    control.hear(); // its greeting
    control.ask(r#"{"execute":"qmp_capabilities"}"#);
    let devices = control.ask(r#"{"execute":"qom-list","arguments":{"path":"/machine/unattached"}}"#);
    let chip = devices.split('{').find(|device| device.contains("child<pl061>")).expect("a PL061");
    let name = chip.split("\"name\": \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    format!("/machine/unattached/{name}")
}
