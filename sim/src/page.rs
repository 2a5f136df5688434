//! The afternoon as a page: one file, no resources from elsewhere, kept up to date by server-sent events.

use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::header,
    response::{
        Html, IntoResponse, Sse,
        sse::{Event, KeepAlive},
    },
    routing::get,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time::sleep};
use tokio_stream::Stream;

use crate::board::Board;

const PAGE: &str = include_str!("page.html");
/// How often a viewer is sent the board, at most.
const SEND_EVERY: Duration = Duration::from_millis(200);
/// How long viewers may take to go at the end.
const DRAIN: Duration = Duration::from_secs(2);

/// The page's server.
#[derive(Debug)]
pub struct Page {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<io::Result<()>>,
}

#[derive(Clone)]
struct Shared {
    board: Arc<Board>,
    stopped: watch::Receiver<bool>,
}

impl Page {
    /// Serves the board on this loopback port; 0 takes a free one.
    pub async fn serve(board: Arc<Board>, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let addr = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let router = router(Shared { board, stopped: stopped.clone() });
        let until_stopped = async move {
            let mut stopped = stopped;
            let _ = stopped.wait_for(|stop| *stop).await; // an error says that the page was dropped, a stop too
        };
        let serving = tokio::spawn(axum::serve(listener, router).with_graceful_shutdown(until_stopped).into_future());
        Ok(Self { addr, stop, serving })
    }

    /// Where to look.
    pub fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    /// Ends every stream and the server.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if tokio::time::timeout(DRAIN, &mut self.serving).await.is_err() {
            self.serving.abort();
        }
    }
}

fn router(shared: Shared) -> Router {
    Router::new().route("/", get(page)).route("/events", get(events)).with_state(shared)
}

async fn page() -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(PAGE))
}

async fn events(State(shared): State<Shared>) -> impl IntoResponse {
    Sse::new(views(shared)).keep_alive(KeepAlive::default())
}

/// The board now, and again after each change, until the page ends.
fn views(shared: Shared) -> impl Stream<Item = Result<Event, Infallible>> {
    let (send, receive) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        let Shared { board, mut stopped } = shared;
        let mut version = board.version();
        while !*stopped.borrow() {
            version.mark_unchanged();
            let Ok(event) = Event::default().json_data(board.view()) else { return };
            tokio::select! {
                sent = send.send(Ok(event)) => if sent.is_err() { return }, // the viewer has gone
                _ = stopped.wait_for(|stop| *stop) => return,
            }
            tokio::select! {
                changed = version.changed() => if changed.is_err() { return },
                () = send.closed() => return,
                _ = stopped.wait_for(|stop| *stop) => return,
            }
            sleep(SEND_EVERY).await;
        }
    });
    tokio_stream::wrappers::ReceiverStream::new(receive)
}

#[cfg(test)]
mod tests {
    use schoolgate_core::text::Bilingual;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        time::timeout,
    };

    use super::*;
    use crate::board::LineKind;

    const PATIENCE: Duration = Duration::from_secs(10);

    async fn ask(page: &Page, path: &str) -> TcpStream {
        let mut socket = TcpStream::connect(page.addr).await.unwrap();
        socket.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
        socket
    }

    async fn read_until(socket: &mut TcpStream, word: &str) -> String {
        let mut read = Vec::new();
        let found = async {
            while !String::from_utf8_lossy(&read).contains(word) {
                assert_ne!(socket.read_buf(&mut read).await.unwrap(), 0, "the stream ended before {word:?}");
            }
        };
        timeout(PATIENCE, found).await.expect("in time");
        String::from_utf8_lossy(&read).into_owned()
    }

    #[tokio::test]
    async fn a_viewer_sees_what_is_on_the_board_and_what_comes() {
        let board = Arc::new(Board::new());
        let page = Page::serve(Arc::clone(&board), 0).await.unwrap();
        let html = read_until(&mut ask(&page, "/").await, "</html>").await;
        assert!(html.contains("text/html; charset=utf-8"), "{html}");

        let mut viewer = ask(&page, "/events").await;
        read_until(&mut viewer, "\"network_up\":true").await;
        board.say("16:42", LineKind::Went, Bilingual { zh: "王小明 由外婆接走".into(), en: "picked up".into() });
        read_until(&mut viewer, "王小明 由外婆接走").await;
        page.shutdown().await;
    }

    #[tokio::test]
    async fn shutdown_ends_the_streams() {
        let page = Page::serve(Arc::default(), 0).await.unwrap();
        let mut viewer = ask(&page, "/events").await;
        read_until(&mut viewer, "data:").await;
        timeout(PATIENCE, page.shutdown()).await.expect("in time");
        let end = async { while !matches!(viewer.read(&mut [0; 512]).await, Ok(0) | Err(_)) {} };
        timeout(PATIENCE, end).await.expect("the stream ends");
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        assert!(!PAGE.contains("http://") && !PAGE.contains("https://") && !PAGE.contains("src="));
    }
}
