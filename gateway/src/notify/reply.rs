//! What guardians answer: from a message of the broker to an answer that the core knows.
//!
//! Whoever may publish on a guardian's topic speaks for that guardian; that nobody else may is the broker's part. All else
//! is distrusted: an answer is small, has exactly the properties that are known, comes once (by its id), and no guardian
//! sends more than a few. What is not taken is counted by its reason, and no token or payload reaches a log.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use schoolgate_core::{
    entry::{GuardianReply, Seq},
    id::{GatewayId, GuardianId, SchoolId},
    roster::Roster,
};
use serde::Deserialize;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::Received;

/// The largest answer, in bytes.
pub const REPLY_MAX_BYTES: usize = 1024;
/// The longest id of an answer, in bytes.
const REPLY_ID_MAX_BYTES: usize = 64;
/// The longest way, in minutes.
const LONGEST_WAY_MIN: u16 = 240;
/// For so long an answer is remembered, to tell a repeat and to count.
const REMEMBERED: Duration = Duration::from_secs(600);
/// So many answers of one guardian are taken while they are remembered.
const REPLIES_OF_ONE: usize = 20;
/// So many answers of all guardians are remembered; while there are more, none is taken.
const REPLIES_OF_ALL: usize = 2048;

/// Where every guardian of the school answers.
#[must_use]
pub fn reply_filter(school: &SchoolId) -> String {
    format!("schoolgate/{school}/guardian/+/reply")
}

/// Why an answer was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// It is no answer, or one in a form that is not known.
    Malformed,
    /// It was kept by the broker: nobody knows how old it is.
    Retained,
    /// No guardian on the roster has that token.
    UnknownToken,
    /// It was taken before.
    Repeated,
    /// It is about an entry of another gateway.
    OtherGateway,
    /// It asks for a pickup pass, which the gateway does not give: the platform does.
    PassRequest,
    /// Too many came of this guardian, or of all.
    TooMany,
    /// The core had no time for it.
    Busy,
}

/// How many answers were taken and how many were not, by reason, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplyCounts {
    /// Handed to the core.
    pub taken: u64,
    /// See [`NotTaken::Malformed`].
    pub malformed: u64,
    /// See [`NotTaken::Retained`].
    pub retained: u64,
    /// See [`NotTaken::UnknownToken`].
    pub unknown_token: u64,
    /// See [`NotTaken::Repeated`].
    pub repeated: u64,
    /// See [`NotTaken::OtherGateway`].
    pub other_gateway: u64,
    /// See [`NotTaken::PassRequest`].
    pub pass_requests: u64,
    /// See [`NotTaken::TooMany`].
    pub too_many: u64,
    /// See [`NotTaken::Busy`].
    pub busy: u64,
}

impl ReplyCounts {
    fn count(&mut self, why: NotTaken) -> u64 {
        let counter = match why {
            NotTaken::Malformed => &mut self.malformed,
            NotTaken::Retained => &mut self.retained,
            NotTaken::UnknownToken => &mut self.unknown_token,
            NotTaken::Repeated => &mut self.repeated,
            NotTaken::OtherGateway => &mut self.other_gateway,
            NotTaken::PassRequest => &mut self.pass_requests,
            NotTaken::TooMany => &mut self.too_many,
            NotTaken::Busy => &mut self.busy,
        };
        *counter += 1;
        *counter
    }
}

/// A guardian and what they answer.
pub type Answer = (GuardianId, GuardianReply);

/// Takes answers for one gateway.
#[derive(Debug)]
pub struct ReplyDesk {
    school: SchoolId,
    gateway: GatewayId,
    recent: VecDeque<Recent>,
    counts: ReplyCounts,
}

#[derive(Debug)]
struct Recent {
    at: Instant,
    guardian: GuardianId,
    id: Box<str>,
}

/// An answer as it comes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    v: u32,
    id: String,
    reply: Kind,
    minutes: Option<u16>,
    gateway: Option<String>,
    entry: Option<u64>,
    student: Option<String>,
    day: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    OnMyWay,
    NotMe,
    PassRequest,
}

impl ReplyDesk {
    /// A desk for this school and gateway.
    #[must_use]
    pub fn new(school: SchoolId, gateway: GatewayId) -> Self {
        Self { school, gateway, recent: VecDeque::new(), counts: ReplyCounts::default() }
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> ReplyCounts {
        self.counts
    }

    /// Takes answers until the broker's side is closed. What the core's side has no room for is dropped.
    pub async fn run(
        mut self,
        mut inbox: mpsc::Receiver<Received>,
        roster: watch::Receiver<Arc<Roster>>,
        answers: mpsc::Sender<Answer>,
    ) {
        while let Some(received) = inbox.recv().await {
            let roster = Arc::clone(&roster.borrow());
            let Some(answer) = self.take(&received, &roster, Instant::now()) else { continue };
            match answers.try_send(answer) {
                Ok(()) => self.counts.taken += 1,
                Err(_) => self.refuse(NotTaken::Busy),
            }
        }
    }

    /// The answer, if it is one; else it is counted why not.
    pub fn take(&mut self, received: &Received, roster: &Roster, now: Instant) -> Option<Answer> {
        match self.read(received, roster, now) {
            Ok(answer) => Some(answer),
            Err(why) => {
                self.refuse(why);
                None
            }
        }
    }

    fn read(&mut self, received: &Received, roster: &Roster, now: Instant) -> Result<Answer, NotTaken> {
        if received.retain {
            return Err(NotTaken::Retained);
        }
        let token = self.token(&received.topic).ok_or(NotTaken::Malformed)?;
        let payload = parse(&received.payload)?;
        let guardian = roster.guardian_of_token(token).ok_or(NotTaken::UnknownToken)?.clone();
        let reply = self.reply(&payload)?;
        self.remember(guardian.clone(), payload.id.into(), now)?;
        Ok((guardian, reply))
    }

    fn token<'t>(&self, topic: &'t str) -> Option<&'t str> {
        let rest = topic.strip_prefix("schoolgate/")?.strip_prefix(self.school.as_str())?;
        let token = rest.strip_prefix("/guardian/")?.strip_suffix("/reply")?;
        (!token.contains('/')).then_some(token)
    }

    fn reply(&self, payload: &Payload) -> Result<GuardianReply, NotTaken> {
        match (payload.reply, payload) {
            (Kind::PassRequest, _) => Err(NotTaken::PassRequest),
            (Kind::OnMyWay, Payload { minutes: Some(minutes), gateway: None, entry: None, .. })
                if *minutes <= LONGEST_WAY_MIN =>
            {
                Ok(GuardianReply::OnMyWay { minutes: *minutes })
            }
            (Kind::NotMe, Payload { minutes: None, gateway: Some(gateway), entry: Some(entry), .. }) if *entry > 0 => {
                if gateway == self.gateway.as_str() {
                    Ok(GuardianReply::NotMe { entry: Seq(*entry) })
                } else {
                    Err(NotTaken::OtherGateway)
                }
            }
            _ => Err(NotTaken::Malformed),
        }
    }

    fn remember(&mut self, guardian: GuardianId, id: Box<str>, now: Instant) -> Result<(), NotTaken> {
        let is_over = |recent: &Recent| now.saturating_duration_since(recent.at) >= REMEMBERED;
        while self.recent.front().is_some_and(is_over) {
            self.recent.pop_front();
        }
        let mut of_this_one = 0;
        for recent in self.recent.iter().filter(|recent| recent.guardian == guardian) {
            if recent.id == id {
                return Err(NotTaken::Repeated);
            }
            of_this_one += 1;
        }
        if of_this_one >= REPLIES_OF_ONE || self.recent.len() >= REPLIES_OF_ALL {
            return Err(NotTaken::TooMany);
        }
        self.recent.push_back(Recent { at: now, guardian, id });
        Ok(())
    }

    /// Told at the first, the second, the fourth: a flood of them must not flood the log.
    fn refuse(&mut self, why: NotTaken) {
        let times = self.counts.count(why);
        if times.is_power_of_two() && why != NotTaken::Repeated && why != NotTaken::OtherGateway {
            tracing::warn!(?why, times, "a guardian's answer was not taken");
        }
    }
}

fn parse(bytes: &[u8]) -> Result<Payload, NotTaken> {
    if bytes.len() > REPLY_MAX_BYTES {
        return Err(NotTaken::Malformed);
    }
    let payload: Payload = serde_json::from_slice(bytes).map_err(|_| NotTaken::Malformed)?;
    let asks = matches!(payload.reply, Kind::PassRequest);
    let fits = payload.v == 1
        && (1..=REPLY_ID_MAX_BYTES).contains(&payload.id.len())
        && (asks || payload.student.is_none() && payload.day.is_none());
    if fits { Ok(payload) } else { Err(NotTaken::Malformed) }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
