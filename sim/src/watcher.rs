//! Everybody who is told something: one MQTT client that listens for all families, boards and staff of a school.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rumqttc::v5::{
    AsyncClient, Event, EventLoop, MqttOptions,
    mqttbytes::{
        QoS,
        v5::{Filter, Packet, Publish},
    },
};
use schoolgate_core::id::SchoolId;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{sleep, timeout},
};

use crate::inbox::{Inbox, Message};

/// News that wait for whoever shows them; beyond, they are taken in but not shown.
const MAX_UNSHOWN: usize = 10_000;
/// Requests of this client that wait for its connection.
const MAX_REQUESTS: usize = 16;
/// How long subscribing may take.
const PATIENCE: Duration = Duration::from_secs(10);
const RECONNECT_AFTER: Duration = Duration::from_millis(100);

/// The client.
#[derive(Debug)]
pub struct Watcher {
    inbox: Arc<Mutex<Inbox>>,
    listening: JoinHandle<()>,
}

/// The client could not subscribe in time.
#[derive(Debug, thiserror::Error)]
#[error("the broker at {0} did not take the subscriptions within {PATIENCE:?}")]
pub struct NotSubscribed(SocketAddr);

impl Watcher {
    /// Subscribes to everything that this school's people are told. News go to `news` too, in the order of their coming.
    pub async fn listen(
        broker: SocketAddr,
        school: &SchoolId,
    ) -> Result<(Self, mpsc::Receiver<Message>), NotSubscribed> {
        let mut options = MqttOptions::new("schoolgate-sim-watcher", broker.ip().to_string(), broker.port());
        options.set_keep_alive(Duration::from_secs(30)).set_clean_start(true);
        let (client, events) = AsyncClient::new(options, MAX_REQUESTS);
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let (news, receiver) = mpsc::channel(MAX_UNSHOWN);
        let (subscribed, ready) = oneshot::channel();
        let filters = ["guardian/+/event", "place/+/event", "staff/+/alert"];
        let filters = filters.map(|end| Filter::new(format!("schoolgate/{school}/{end}"), QoS::AtLeastOnce));
        let listener = Listener {
            client,
            filters: filters.to_vec(),
            inbox: Arc::clone(&inbox),
            news,
            subscribed: Some(subscribed),
        };
        let watcher = Self { inbox, listening: tokio::spawn(listener.run(events)) };
        match timeout(PATIENCE, ready).await {
            Ok(Ok(())) => Ok((watcher, receiver)),
            _ => Err(NotSubscribed(broker)),
        }
    }

    /// What has come so far.
    pub fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

struct Listener {
    client: AsyncClient,
    filters: Vec<Filter>,
    inbox: Arc<Mutex<Inbox>>,
    news: mpsc::Sender<Message>,
    subscribed: Option<oneshot::Sender<()>>,
}

impl Listener {
    async fn run(mut self, mut events: EventLoop) {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::ConnAck(_))) => {
                    // Refused only if the queue is full, and it is empty: this client asks for nothing else.
                    let _ = self.client.try_subscribe_many(self.filters.clone());
                }
                Ok(Event::Incoming(Packet::SubAck(_))) => {
                    let _ = self.subscribed.take().map(|subscribed| subscribed.send(()));
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => self.take(&publish),
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!(%error, "the watcher lost the broker");
                    sleep(RECONNECT_AFTER).await;
                }
            }
        }
    }

    fn take(&self, publish: &Publish) {
        let topic = String::from_utf8_lossy(&publish.topic);
        let news = self.inbox.lock().unwrap_or_else(PoisonError::into_inner).take(&topic, &publish.payload);
        if let Some(news) = news {
            let _ = self.news.try_send(news); // what is not shown was received all the same
        }
    }
}
