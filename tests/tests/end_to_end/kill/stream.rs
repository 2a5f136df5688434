//! Children who arrive at several gates, each once, and what the lamps told them.

use std::{collections::BTreeSet, time::Duration};

use schoolgate_core::id::StudentId;
use schoolgate_sim::{scene::Scene, school::Student, virtual_lines::LineWatch};
use schoolgate_tests::{PATIENCE, students};
use tokio::time::{Instant, sleep, timeout_at};

/// A lamp that came on before the kill may take so long to be seen. To wait longer only makes the test stricter.
const LAST_LIGHT: Duration = Duration::from_millis(20);

/// The children still to come, and those who were there.
pub(crate) struct Stream {
    coming: Vec<Student>,
    lanes: Vec<Lane>,
    tapped: usize,
    acknowledged: BTreeSet<StudentId>,
}

/// One gate: who stands there, and sees the lamp's next coming on as theirs.
struct Lane {
    green: String,
    /// The disk took too long: they pass, and nothing is promised.
    amber: String,
    standing: Option<StudentId>,
}

impl Stream {
    /// All the children of the school whose cards work.
    pub(crate) fn of(scene: &Scene) -> Self {
        let lane =
            |place: &_| Lane { green: format!("{place}.green"), amber: format!("{place}.amber"), standing: None };
        Self {
            coming: students(&scene.school).cloned().collect(),
            lanes: scene.campus.readers.iter().map(|reader| lane(&reader.place)).collect(),
            tapped: 0,
            acknowledged: BTreeSet::new(),
        }
    }

    /// How many have tapped.
    pub(crate) fn tapped(&self) -> usize {
        self.tapped
    }

    /// Those who have seen green.
    pub(crate) fn acknowledged(&self) -> &BTreeSet<StudentId> {
        &self.acknowledged
    }

    /// At every gate one child after the other, each as soon as the lamp is dark, until then.
    pub(crate) async fn flow_until(&mut self, scene: &Scene, end: Instant) {
        let mut lamps = scene.lines.watch();
        loop {
            for lane in 0..self.lanes.len() {
                self.step_up(scene, lane);
            }
            if self.see(&mut lamps, end).await.is_none() {
                return;
            }
        }
    }

    /// One more child at every gate as soon as all lamps are dark; nobody waits for them.
    pub(crate) async fn rush(&mut self, scene: &Scene) {
        let mut lamps = scene.lines.watch();
        let is_lit = |lane: &Lane| scene.lines.level(&lane.green) != Some(false);
        let soon = Instant::now() + PATIENCE;
        while self.lanes.iter().any(|lane| is_lit(lane) || lane.standing.is_some()) {
            if self.see(&mut lamps, soon).await.is_none() {
                let lanes: Vec<_> = self.lanes.iter().map(|lane| (&lane.green, is_lit(lane), &lane.standing)).collect();
                let log = std::fs::read_to_string(scene.log()).unwrap_or_default();
                panic!("a lamp stays lit, or a child stands without an answer: {lanes:?}; the gateway's log:\n{log}");
            }
        }
        (0..self.lanes.len()).for_each(|lane| self.step_up(scene, lane));
    }

    /// After the kill: greens that were shown count, and whoever saw none goes away.
    pub(crate) async fn settle(&mut self, scene: &Scene) {
        sleep(LAST_LIGHT).await;
        for lane in &mut self.lanes {
            let is_lit = scene.lines.level(&lane.green) == Some(true);
            self.acknowledged.extend(lane.standing.take().filter(|_| is_lit));
        }
    }

    fn step_up(&mut self, scene: &Scene, lane: usize) {
        let Lane { green, standing, .. } = &mut self.lanes[lane];
        if standing.is_none()
            && scene.lines.level(green) == Some(false)
            && let Some(student) = self.coming.pop()
        {
            scene.readers[lane].tap(student.card).unwrap();
            *standing = Some(student.id);
            self.tapped += 1;
        }
    }

    /// Takes the next change of a lamp in; none if the end comes first.
    async fn see(&mut self, lamps: &mut LineWatch, end: Instant) -> Option<()> {
        let change = timeout_at(end, lamps.next()).await.ok()?;
        for lane in self.lanes.iter_mut().filter(|_| change.high) {
            if *lane.green == *change.line {
                self.acknowledged.extend(lane.standing.take());
            } else if *lane.amber == *change.line {
                lane.standing = None;
            }
        }
        Some(())
    }
}
