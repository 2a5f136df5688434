//! Connections that can be cut, so that a gateway meets what a bad network does: no answer, and no telling whether
//! the batch arrived.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use super::{Mood, Shared};

/// Pause after a failed accept (as when file descriptors run out), so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(super) struct Listener {
    tcp: TcpListener,
    shared: Arc<Shared>,
}

/// A connection that fails as the platform's mood says.
pub(super) struct Connection {
    tcp: TcpStream,
    shared: Arc<Shared>,
}

impl Listener {
    pub(super) fn new(tcp: TcpListener, shared: Arc<Shared>) -> Self {
        Self { tcp, shared }
    }
}

impl axum::serve::Listener for Listener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.tcp.accept().await {
                Ok(_) if self.shared.mood() == Mood::Down => {}
                Ok((tcp, addr)) => {
                    // Answers are small; waiting to fill a packet would only delay them.
                    let _ = tcp.set_nodelay(true);
                    return (Connection { tcp, shared: Arc::clone(&self.shared) }, addr);
                }
                Err(error) => {
                    tracing::warn!(%error, "the reference platform could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

fn cut<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.shared.mood() {
            Mood::Down => cut(),
            _ => Pin::new(&mut self.tcp).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.shared.mood() {
            Mood::Down | Mood::Mute => cut(),
            _ => Pin::new(&mut self.tcp).poll_write(cx, buf),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
