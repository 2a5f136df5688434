//! A family, a board or a teacher: `mosquitto_sub`, as anybody can run it.

use std::process::Stdio;

use schoolgate_sim::mosquitto::Mosquitto;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::{mpsc, oneshot},
};

use crate::soon;

/// Messages begin with this; all else that it prints is about the connection.
const MARK: &str = "message ";

/// A message as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Where it was published.
    pub topic: String,
    /// Whether the broker had kept it from before the subscription.
    pub retained: bool,
    /// Its payload.
    pub text: String,
}

impl Heard {
    /// The payload as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
}

/// A running `mosquitto_sub`, and all that it has heard.
pub struct Listener {
    _child: Child,
    lines: mpsc::UnboundedReceiver<Heard>,
    heard: Vec<Heard>,
    /// How many were given out by [`next`](Self::next).
    given: usize,
}

impl Listener {
    /// Returns when the broker has confirmed the subscriptions.
    pub async fn start(broker: &Mosquitto, filters: &[String]) -> Self {
        Self::run(broker, filters, &[]).await
    }

    /// The same with a session that the broker keeps while the connection is lost: nothing is missed.
    pub async fn start_lasting(broker: &Mosquitto, filters: &[String], id: &str) -> Self {
        Self::run(broker, filters, &["-c", "-i", id]).await
    }

    async fn run(broker: &Mosquitto, filters: &[String], session: &[&str]) -> Self {
        // Its words about the connection would else wait in a buffer until the first message.
        let mut command = Command::new("stdbuf");
        command
            .args(["-oL", "mosquitto_sub", "-h", "127.0.0.1", "-p", &broker.port().to_string(), "-q", "1", "-d"])
            .args(session);
        command.args(["-F", &format!("{MARK}%r %t %p")]);
        command.args(filters.iter().flat_map(|filter| ["-t", filter]));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child =
            command.spawn().expect("mosquitto_sub is installed (Debian: apt-get install mosquitto-clients)");
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let (tell, lines) = mpsc::unbounded_channel();
        let (ready, subscribed) = oneshot::channel();
        tokio::spawn(async move {
            let mut ready = Some(ready);
            while let Ok(Some(line)) = out.next_line().await {
                if line.starts_with("Subscribed") {
                    let _ = ready.take().map(|ready| ready.send(()));
                } else if let Some(heard) = parse(&line) {
                    let _ = tell.send(heard);
                }
            }
        });
        soon("the subscription", subscribed).await.expect("mosquitto_sub goes on");
        Self { _child: child, lines, heard: Vec::new(), given: 0 }
    }

    /// The next message.
    pub async fn next(&mut self) -> Heard {
        if self.given == self.heard.len() {
            self.take("another message").await;
        }
        self.given += 1;
        self.heard[self.given - 1].clone()
    }

    /// The first message of all for which this holds; waits for it if it has not come yet.
    pub async fn find(&mut self, what: &str, is_it: impl Fn(&Heard) -> bool) -> Heard {
        let mut looked_at = 0;
        loop {
            if let Some(found) = self.heard[looked_at..].iter().find(|heard| is_it(heard)) {
                return found.clone();
            }
            looked_at = self.heard.len();
            self.take(what).await;
        }
    }

    /// The first message on this topic that says so: `is_it` is given the payload.
    pub async fn find_on(&mut self, topic: &str, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.find(&format!("{what} on {topic}"), |heard| heard.topic == topic && is_it(&heard.json())).await.json()
    }

    /// All that has come so far.
    pub fn heard(&mut self) -> &[Heard] {
        while let Ok(heard) = self.lines.try_recv() {
            self.heard.push(heard);
        }
        &self.heard
    }

    /// How many have come so far.
    pub fn count(&mut self) -> usize {
        self.heard().len()
    }

    /// Waits until more has come than this.
    pub async fn more_than(&mut self, count: usize) {
        while self.heard().len() <= count {
            self.take("another message").await;
        }
    }

    async fn take(&mut self, what: &str) {
        let heard = soon(what, self.lines.recv()).await.expect("mosquitto_sub goes on");
        self.heard.push(heard);
    }
}

fn parse(line: &str) -> Option<Heard> {
    let mut parts = line.strip_prefix(MARK)?.splitn(3, ' ');
    let retained = parts.next()? == "1";
    Some(Heard { topic: parts.next()?.to_owned(), retained, text: parts.next()?.to_owned() })
}
