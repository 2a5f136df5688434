//! The school's line to the outside, which can be cut: a TCP relay in front of the broker and the platform.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::sleep,
};

/// Most connections at once through one relay; further ones wait.
const MAX_CONNECTIONS: usize = 256;

/// What the line does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    #[default]
    Fair,
    /// The cable is out at this end: connections break, and new ones break at once.
    Cut,
    /// The cable is out somewhere: connections stay and nothing passes; nobody is told.
    Silent,
}

/// A relay to one address. Dropping it breaks every connection.
#[derive(Debug)]
pub struct Relay {
    addr: SocketAddr,
    weather: watch::Sender<Weather>,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// Listens on a free loopback port, for connections to `target`.
    pub async fn to(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let (weather, now) = watch::channel(Weather::Fair);
        let accepting = tokio::spawn(accept(listener, target, now));
        Ok(Self { addr, weather, accepting })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes what the line does, from now on.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }

    /// What the line does now.
    pub fn weather(&self) -> Weather {
        *self.weather.borrow()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort(); // and with it the sender goes, which every connection takes as its end
    }
}

async fn accept(listener: TcpListener, target: SocketAddr, weather: watch::Receiver<Weather>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((near, _)) => {
                let weather = weather.clone();
                tokio::spawn(async move {
                    relay(near, target, weather).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the relay could not accept a connection");
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Relays until an end closes or the line is cut. A connection that a silence caught breaks when the silence ends, as if
/// its ends had given it up: bytes that were between them are gone.
async fn relay(near: TcpStream, target: SocketAddr, mut weather: watch::Receiver<Weather>) {
    let Ok(Weather::Fair) = weather.wait_for(|now| *now != Weather::Silent).await.map(|now| *now) else { return };
    let mut passing = pin!(pass(near, target));
    let now = tokio::select! {
        () = &mut passing => return,
        now = weather.wait_for(|now| *now != Weather::Fair) => now.map(|now| *now),
    };
    if matches!(now, Ok(Weather::Silent)) {
        // Not polled any more, the ends stay open and nothing passes. An error says that the relay was dropped.
        let _ = weather.wait_for(|now| *now != Weather::Silent).await;
    }
}

/// Passes bytes both ways until an end closes; a broken end ends the connection like a closed one.
async fn pass(mut near: TcpStream, target: SocketAddr) {
    let Ok(mut far) = TcpStream::connect(target).await else { return };
    for end in [&near, &far] {
        let _ = end.set_nodelay(true); // without it the line is only slower
    }
    let _ = copy_bidirectional(&mut near, &mut far).await;
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        time::timeout,
    };

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A server that says everything again, behind a relay.
    async fn echo_behind_a_relay() -> Relay {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let relay = Relay::to(listener.local_addr().unwrap()).await.unwrap();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let (mut read, mut write) = socket.split();
                    tokio::io::copy(&mut read, &mut write).await
                });
            }
        });
        relay
    }

    async fn echo(socket: &mut TcpStream, word: &[u8; 4]) -> io::Result<[u8; 4]> {
        socket.write_all(word).await?;
        let mut back = [0; 4];
        timeout(PATIENCE, socket.read_exact(&mut back)).await.expect("in time")?;
        Ok(back)
    }

    #[tokio::test]
    async fn a_cut_breaks_old_and_new_connections_until_it_is_healed() {
        let relay = echo_behind_a_relay().await;
        let mut socket = TcpStream::connect(relay.addr()).await.unwrap();
        assert_eq!(&echo(&mut socket, b"ping").await.unwrap(), b"ping");

        relay.set(Weather::Cut);
        assert!(echo(&mut socket, b"ping").await.is_err());
        let mut fresh = TcpStream::connect(relay.addr()).await.unwrap();
        assert!(echo(&mut fresh, b"ping").await.is_err());

        relay.set(Weather::Fair);
        let mut healed = TcpStream::connect(relay.addr()).await.unwrap();
        assert_eq!(&echo(&mut healed, b"pong").await.unwrap(), b"pong");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_line_breaks_nothing_and_passes_nothing() {
        let relay = echo_behind_a_relay().await;
        relay.set(Weather::Silent);
        let mut socket = TcpStream::connect(relay.addr()).await.unwrap();
        socket.write_all(b"ping").await.unwrap();
        let mut back = [0; 4];
        assert!(timeout(Duration::from_secs(3_600), socket.read_exact(&mut back)).await.is_err(), "nothing comes");

        relay.set(Weather::Fair);
        tokio::time::resume();
        assert_eq!(timeout(PATIENCE, socket.read_exact(&mut back)).await.unwrap().unwrap(), 4);
        assert_eq!(&back, b"ping");
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_catches_standing_connections_and_breaks_them_at_its_end() {
        let relay = echo_behind_a_relay().await;
        let mut socket = TcpStream::connect(relay.addr()).await.unwrap();
        tokio::time::resume();
        assert_eq!(&echo(&mut socket, b"ping").await.unwrap(), b"ping");
        tokio::time::pause();

        relay.set(Weather::Silent);
        tokio::task::yield_now().await;
        socket.write_all(b"pong").await.unwrap();
        let mut back = [0; 4];
        let caught = timeout(Duration::from_secs(3_600), socket.read(&mut back)).await;
        assert!(caught.is_err(), "neither an echo nor an end, but {caught:?}");

        tokio::time::resume();
        relay.set(Weather::Fair);
        assert_eq!(timeout(PATIENCE, socket.read(&mut back)).await.unwrap().unwrap_or(0), 0);
    }

    #[tokio::test]
    async fn dropping_the_relay_breaks_its_connections() {
        let relay = echo_behind_a_relay().await;
        let mut socket = TcpStream::connect(relay.addr()).await.unwrap();
        assert_eq!(&echo(&mut socket, b"ping").await.unwrap(), b"ping");
        drop(relay);
        assert_eq!(timeout(PATIENCE, socket.read(&mut [0; 4])).await.unwrap().unwrap_or(0), 0);
    }
}
