//! A TCP proxy on the loopback that can be cut, stalled and mended.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Up,
    /// Connections are taken and stay open, but nothing goes through.
    Stalled,
}

/// Lives until dropped, and all its connections with it.
pub(crate) struct Proxy {
    port: u16,
    line: watch::Sender<Line>,
    cuts: watch::Sender<u64>,
    accepting: JoinHandle<()>,
}

impl Proxy {
    pub(crate) async fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (line, line_rx) = watch::channel(Line::Up);
        let (cuts, cuts_rx) = watch::channel(0);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, target, line_rx.clone(), cuts_rx.clone()));
            }
        });
        Self { port, line, cuts, accepting }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Breaks all connections, with whatever was on its way; new ones pass.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// From now on nothing goes through, and nobody is told.
    pub(crate) fn stall(&self) {
        self.line.send_replace(Line::Stalled);
    }

    /// Lets data through again; connections that were stalled stay dead.
    pub(crate) fn mend(&self) {
        self.line.send_replace(Line::Up);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

async fn carry(
    mut client: TcpStream,
    target: SocketAddr,
    mut line: watch::Receiver<Line>,
    mut cuts: watch::Receiver<u64>,
) {
    cuts.mark_unchanged();
    let through = async {
        let mut server = TcpStream::connect(target).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let stalled = async { line.wait_for(|line| *line == Line::Stalled).await.map(drop) };
        let is_stalled = tokio::select! {
            biased;
            _ = stalled => true,
            _ = copy_bidirectional(&mut client, &mut server) => false,
        };
        if is_stalled {
            // Holds both ends open until the cut.
            std::future::pending::<()>().await;
        }
        std::io::Result::Ok(())
    };
    tokio::select! {
        _ = cuts.changed() => {}
        _ = through => {}
    }
}
