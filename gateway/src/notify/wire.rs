//! The bytes of a connection: TCP, under TLS or not. Nothing here waits for the network once the connection stands.

use std::{
    io::{self, ErrorKind, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    os::fd::AsRawFd,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Buf, BytesMut};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use rustls::{ClientConfig, ClientConnection, pki_types::ServerName};
use tokio::{io::Interest, net, task::spawn_blocking};

use super::{CONNECT_PATIENCE_SECS, NotifySettings};

/// Bytes taken with one read.
const READ_BYTES: usize = 8 * 1024;
/// Bytes taken in one go, so that a broker that never stops talking does not keep others waiting.
const READ_AT_ONCE: usize = 64 * 1024;

/// An open connection.
pub(super) struct Wire {
    socket: net::TcpStream,
    tls: Option<Box<ClientConnection>>,
    /// There may be bytes that were not read: the socket tells only of new ones.
    may_have_unread: bool,
    wakes_at_bytes: i32,
}

impl Wire {
    /// Resolves the name, connects and shakes hands, on a thread where that may take its time: it takes
    /// [`CONNECT_PATIENCE_SECS`] at most, and as long as the system's resolver takes.
    pub(super) async fn open(settings: &NotifySettings) -> io::Result<Self> {
        let (host, port, tls) = (settings.host.clone(), settings.port, settings.tls.clone());
        let dialled = spawn_blocking(move || dial(&host, port, tls)).await;
        let (socket, tls) = dialled.map_err(io::Error::other)??;
        Ok(Self { socket: net::TcpStream::from_std(socket)?, tls, may_have_unread: true, wakes_at_bytes: 1 })
    }

    /// Takes in what has come. The end of the stream is an error, what came before it is in `into` all the same.
    pub(super) fn read(&mut self, into: &mut BytesMut) -> io::Result<()> {
        let mut bytes = [0; READ_BYTES];
        let mut taken = 0;
        self.may_have_unread = true;
        while taken < READ_AT_ONCE {
            match self.read_some(&mut bytes) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => {
                    into.extend_from_slice(bytes.get(..count).unwrap_or_default());
                    taken += count;
                    // That was all (epoll(7), question 9), and what comes from now on is told. To look once more in a rush
                    // finds three acknowledgements each time, without end.
                    if self.tls.is_none() && count < READ_BYTES {
                        self.may_have_unread = false;
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.may_have_unread = false;
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read_some(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let mut socket = Unasked(&self.socket);
        let Some(tls) = &mut self.tls else { return socket.read(bytes) };
        loop {
            match tls.reader().read(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if tls.read_tls(&mut socket)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        }
    }

    /// Sends as much as goes now; the rest stays in `from`. Says whether anything went.
    pub(super) fn write(&mut self, from: &mut BytesMut) -> io::Result<bool> {
        let mut has_moved = false;
        loop {
            match self.write_some(from) {
                Ok(true) => has_moved = true,
                Ok(false) => return Ok(has_moved),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(has_moved),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether there was anything to send.
    fn write_some(&mut self, from: &mut BytesMut) -> io::Result<bool> {
        let mut socket = Unasked(&self.socket);
        let written = match &mut self.tls {
            Some(tls) => {
                // It encrypts no more than its buffer holds.
                let taken = tls.writer().write(from)?;
                from.advance(taken);
                if !tls.wants_write() {
                    return Ok(false);
                }
                tls.write_tls(&mut socket)?
            }
            None if from.is_empty() => return Ok(false),
            None => {
                let written = socket.write(from)?;
                from.advance(written);
                written
            }
        };
        if written == 0 { Err(ErrorKind::WriteZero.into()) } else { Ok(true) }
    }

    /// Whether encrypted bytes wait for the socket.
    pub(super) fn holds_unsent(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Resolves when there is something to [`read`](Self::read), or, if `has_unsent`, room for more.
    pub(super) async fn ready(&mut self, has_unsent: bool) {
        if self.may_have_unread {
            return;
        }
        // An error shows itself when the socket is used.
        let used_up = tokio::select! {
            biased;
            _ = self.socket.readable() => Interest::READABLE,
            _ = self.socket.writable(), if has_unsent => Interest::WRITABLE,
        };
        // Before the socket is used, so that whatever happens from now on is told again.
        let _ = self.socket.try_io(used_up, || Err::<(), _>(ErrorKind::WouldBlock.into()));
        self.may_have_unread = true;
    }

    /// From now on [`ready`](Self::ready) need not resolve for fewer bytes than this (the end of the stream always
    /// counts): each time costs a sleeping thread some 50 µs. A system that does not know the option tells of each.
    pub(super) fn wake_at_bytes(&mut self, bytes: usize) {
        let bytes = i32::try_from(bytes).unwrap_or(i32::MAX).max(1);
        if bytes == self.wakes_at_bytes {
            return;
        }
        self.wakes_at_bytes = bytes;
        let option_len = libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap_or_default();
        #[expect(unsafe_code, reason = "no safe wrapper of SO_RCVLOWAT exists in the crates at hand")]
        // SAFETY: the descriptor is open for as long as `self` lives; the pointer is to a live local of the length given.
        unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVLOWAT,
                (&raw const bytes).cast(),
                option_len,
            );
        }
    }
}

/// The socket itself: tokio would not ask it for bytes that it need not tell of ([`Wire::wake_at_bytes`]).
struct Unasked<'a>(&'a net::TcpStream);

impl Read for Unasked<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let (count, _) = recv(self.0, bytes, RecvFlags::DONTWAIT)?;
        Ok(count)
    }
}

impl Write for Unasked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(send(self.0, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

type Dialled = (TcpStream, Option<Box<ClientConnection>>);

/// Blocks. Every address of the host is tried in the order in which the resolver gives them.
fn dial(host: &str, port: u16, tls: Option<Arc<ClientConfig>>) -> io::Result<Dialled> {
    let deadline = Instant::now() + Duration::from_secs(CONNECT_PATIENCE_SECS);
    let mut failed = io::Error::new(ErrorKind::NotFound, "the broker's name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, left_until(deadline)?) {
            Ok(socket) => return prepare(socket, host, tls, deadline),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

fn prepare(socket: TcpStream, host: &str, tls: Option<Arc<ClientConfig>>, deadline: Instant) -> io::Result<Dialled> {
    // What is written together is sent at once; with Nagle's algorithm it would wait for what was sent before.
    socket.set_nodelay(true)?;
    let tls = tls.map(|config| shake_hands(&socket, host, config, deadline)).transpose()?;
    socket.set_nonblocking(true)?;
    Ok((socket, tls))
}

fn shake_hands(
    mut socket: &TcpStream,
    host: &str,
    config: Arc<ClientConfig>,
    deadline: Instant,
) -> io::Result<Box<ClientConnection>> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| io::Error::new(ErrorKind::InvalidInput, error))?;
    let mut tls = Box::new(ClientConnection::new(config, name).map_err(io::Error::other)?);
    while tls.is_handshaking() {
        let left = Some(left_until(deadline)?);
        socket.set_read_timeout(left)?;
        socket.set_write_timeout(left)?;
        while tls.wants_write() {
            tls.write_tls(&mut socket)?;
        }
        if tls.is_handshaking() && tls.read_tls(&mut socket)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if let Err(error) = tls.process_new_packets() {
            let _ = tls.write_tls(&mut socket); // the alert that says why
            return Err(io::Error::new(ErrorKind::InvalidData, error));
        }
    }
    Ok(tls)
}

fn left_until(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener};

    use tokio::time::timeout;

    use super::*;

    /// Only so that the test ends if it fails: nothing here takes time.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn connected() -> (Wire, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        near.set_nonblocking(true).unwrap();
        let socket = net::TcpStream::from_std(near).unwrap();
        (Wire { socket, tls: None, may_have_unread: true, wakes_at_bytes: 1 }, listener.accept().unwrap().0)
    }

    async fn next(wire: &mut Wire) -> io::Result<Vec<u8>> {
        let mut into = BytesMut::new();
        loop {
            timeout(PATIENCE, wire.ready(false)).await.unwrap();
            wire.read(&mut into)?;
            if !into.is_empty() {
                return Ok(into.to_vec());
            }
        }
    }

    #[tokio::test]
    async fn what_comes_after_all_was_read_is_told_and_so_is_the_end() {
        let (mut wire, mut far) = connected();
        for n in 0..50_u8 {
            far.write_all(&[n; 3]).unwrap();
            assert_eq!(next(&mut wire).await.unwrap(), [n; 3]);
        }
        far.write_all(&[7; READ_BYTES]).unwrap();
        let mut whole = Vec::new();
        while whole.len() < READ_BYTES {
            whole.extend(next(&mut wire).await.unwrap());
        }
        far.write_all(b"bye").unwrap();
        drop(far);
        assert_eq!(next(&mut wire).await.unwrap(), b"bye");
        assert_eq!(next(&mut wire).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn an_end_that_came_together_with_the_last_bytes_is_told() {
        let (mut wire, mut far) = connected();
        far.write_all(b"bye").unwrap();
        drop(far);
        assert_eq!(next(&mut wire).await.unwrap(), b"bye");
        assert_eq!(next(&mut wire).await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
}
