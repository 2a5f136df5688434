//! A subscriber that sees everything, with a direct line to the broker.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use rumqttc::v5::{
    AsyncClient, Event, MqttOptions,
    mqttbytes::{
        QoS,
        v5::{Packet, Publish},
    },
};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

const PATIENCE: Duration = Duration::from_secs(60);
static NUMBER: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Observer {
    pub(crate) client: AsyncClient,
    seen: mpsc::UnboundedReceiver<Publish>,
    task: JoinHandle<()>,
}

impl Observer {
    /// Returns once the broker has confirmed the subscription.
    pub(crate) async fn start(port: u16, filter: &str) -> Self {
        let id = format!("observer-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut options = MqttOptions::new(id, "127.0.0.1", port);
        options.set_max_packet_size(Some(1024 * 1024));
        let (client, mut events) = AsyncClient::new(options, 16);
        client.subscribe(filter, QoS::AtLeastOnce).await.unwrap();
        let (tell, seen) = mpsc::unbounded_channel();
        let (ready, is_ready) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let mut ready = Some(ready);
            while let Ok(event) = events.poll().await {
                match event {
                    Event::Incoming(Packet::SubAck(_)) => {
                        let _ = ready.take().map(|ready| ready.send(()));
                    }
                    Event::Incoming(Packet::Publish(publish)) => {
                        let _ = tell.send(publish);
                    }
                    _ => {}
                }
            }
        });
        timeout(PATIENCE, is_ready).await.unwrap().unwrap();
        Self { client, seen, task }
    }

    pub(crate) async fn next(&mut self) -> Publish {
        timeout(PATIENCE, self.seen.recv()).await.expect("nothing arrives").expect("the broker is gone")
    }

    /// The next message's payload as text.
    pub(crate) async fn next_text(&mut self) -> String {
        String::from_utf8(self.next().await.payload.to_vec()).unwrap()
    }

    /// What has arrived and was not yet asked for.
    pub(crate) fn try_next(&mut self) -> Option<Publish> {
        self.seen.try_recv().ok()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}
