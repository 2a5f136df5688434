//! A real mosquitto for this run, and a subscriber that takes as little of the machine as can be.

use std::{
    fs,
    io::{Read, Write},
    mem::replace,
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    ops::Range,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(10);
/// Where Debian installs it; it is not on every user's path.
const PROGRAMS: [&str; 2] = ["mosquitto", "/usr/sbin/mosquitto"];

/// A running broker on a free port of the loopback, killed when dropped.
pub struct Broker {
    child: Child,
    port: u16,
    _folder: TempDir,
}

impl Broker {
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let config = folder.path().join("conf");
        // Nagle's algorithm would hold deliveries back; a full queue would drop them. By itself mosquitto lets a publisher that
        // heeds its word (MQTT 5, 3.2.2.3.3, as the gateway does and the loop does not) have 20 messages under way.
        let text = format!(
            "listener {port} 127.0.0.1\nuser root\nallow_anonymous true\npersistence false\nlog_type none\n\
             set_tcp_nodelay true\nmax_queued_messages 0\nmax_inflight_messages 1000\n"
        );
        fs::write(&config, text).unwrap();
        let start = |program: &&str| {
            Command::new(program).arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
        };
        let child = PROGRAMS.iter().find_map(start).expect("mosquitto is needed (Debian: apt-get install mosquitto)");
        let broker = Self { child, port, _folder: folder };
        let began = Instant::now();
        while TcpStream::connect(broker.addr()).is_err() {
            assert!(began.elapsed() < PATIENCE, "mosquitto does not listen");
            thread::sleep(Duration::from_millis(10));
        }
        broker
    }

    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whom the taps are told to.
#[derive(Clone, Copy)]
pub enum Told {
    Guardians,
    Boards,
}

/// An event has come about this student.
#[derive(Clone, Copy)]
pub struct Arrival {
    pub student: usize,
    pub at: Instant,
}

/// Subscribed to the guardians' or the places' events of one school with QoS 0, on a thread of its own.
pub struct Subscriber {
    arrivals: Receiver<Vec<Arrival>>,
}

impl Subscriber {
    pub fn connect(broker: SocketAddr, school: &str, told: Told) -> Self {
        let whose = match told {
            Told::Guardians => "guardian",
            Told::Boards => "place",
        };
        let mut stream = TcpStream::connect(broker).unwrap();
        stream.write_all(&connect(&format!("{school}-subscriber"))).unwrap();
        let mut connack = [0; 4];
        stream.read_exact(&mut connack).unwrap();
        assert_eq!(connack, [0x20, 2, 0, 0], "the broker refuses the subscriber");
        stream.write_all(&subscribe(&format!("schoolgate/{school}/{whose}/+/event"))).unwrap();
        let mut suback = [0; 5];
        stream.read_exact(&mut suback).unwrap();
        let (sender, arrivals) = mpsc::channel();
        thread::spawn(move || take_arrivals(stream, told, &sender));
        Self { arrivals }
    }

    /// The first event of each of these students, in the order in which they come; panics if they do not. Others are
    /// left out: a process that halted may have taken the first card, which lay there long, for several.
    pub fn collect(&self, students: Range<usize>) -> Vec<Arrival> {
        let (mut seen, mut arrivals) = (vec![false; students.len()], Vec::with_capacity(students.len()));
        while arrivals.len() < students.len() {
            match self.arrivals.recv_timeout(PATIENCE) {
                Ok(come) => {
                    let ours = come.into_iter().filter(|arrival| students.contains(&arrival.student));
                    arrivals.extend(ours.filter(|arrival| !replace(&mut seen[arrival.student - students.start], true)));
                }
                Err(RecvTimeoutError::Timeout) => {
                    let missing: Vec<usize> =
                        students.clone().filter(|student| !seen[student - students.start]).take(20).collect();
                    panic!("only {} of {} events have come; not of {missing:?}", arrivals.len(), students.len())
                }
                Err(RecvTimeoutError::Disconnected) => panic!("the broker has hung up on the subscriber"),
            }
        }
        arrivals
    }

    /// All events that have come, in their order.
    pub fn try_collect(&self) -> impl Iterator<Item = Arrival> {
        self.arrivals.try_iter().flatten()
    }
}

fn take_arrivals(mut stream: TcpStream, told: Told, arrivals: &Sender<Vec<Arrival>>) {
    let (mut buffer, mut held) = (vec![0; 256 * 1024], 0);
    while let Ok(read @ 1..) = stream.read(&mut buffer[held..]) {
        let at = Instant::now();
        held += read;
        let (mut taken, mut come) = (0, Vec::new());
        while let Some((packet, len)) = first_packet(&buffer[taken..held]) {
            let topic_len = usize::from(u16::from_be_bytes([packet[0], packet[1]]));
            let token = std::str::from_utf8(&packet[2..2 + topic_len]).unwrap().split('/').nth(3).unwrap();
            let student = match told {
                Told::Guardians => usize::from_str_radix(token, 16).ok(),
                Told::Boards => student_in(&packet[2 + topic_len..]),
            };
            taken += len;
            come.extend(student.map(|student| Arrival { student, at }));
        }
        // Together: to wake somebody for each takes as long as to read it, on processors that others need.
        if !come.is_empty() && arrivals.send(come).is_err() {
            return;
        }
        buffer.copy_within(taken..held, 0);
        held -= taken;
    }
}

/// Whom an entry is about, if it is about a student: the generated school numbers them `S00001` and so on.
fn student_in(payload: &[u8]) -> Option<usize> {
    const FIELD: &[u8] = b"\"student\":\"S";
    let begin = payload.windows(FIELD.len()).position(|bytes| bytes == FIELD)? + FIELD.len();
    let digits = payload[begin..].split(|&byte| byte == b'"').next()?;
    Some(std::str::from_utf8(digits).ok()?.parse::<usize>().ok()? - 1)
}

/// The body of the first packet, and the packet's whole length.
fn first_packet(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (mut length, mut header) = (0, 1);
    loop {
        let digit = *bytes.get(header)?;
        length |= usize::from(digit & 0x7F) << (7 * (header - 1));
        header += 1;
        if digit & 0x80 == 0 {
            return Some((bytes.get(header..header + length)?, header + length));
        }
    }
}

/// MQTT 3.1.1 §3.1: clean session, keep-alive off.
fn connect(id: &str) -> Vec<u8> {
    short_packet(0x10, &[&[0, 4], b"MQTT".as_slice(), &[4, 2, 0, 0], &field(id)].concat())
}

/// MQTT 3.1.1 §3.8: one filter, QoS 0.
fn subscribe(filter: &str) -> Vec<u8> {
    short_packet(0x82, &[[0, 1].as_slice(), &field(filter), &[0]].concat())
}

fn field(text: &str) -> Vec<u8> {
    [&u16::try_from(text.len()).unwrap().to_be_bytes(), text.as_bytes()].concat()
}

fn short_packet(kind: u8, body: &[u8]) -> Vec<u8> {
    assert!(body.len() < 128, "its length would take two bytes");
    [&[kind, u8::try_from(body.len()).unwrap()], body].concat()
}
