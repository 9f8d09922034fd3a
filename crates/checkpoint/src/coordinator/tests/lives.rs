//! Whatever happens in whatever order, over several runs of one job.

use proptest::prelude::*;

use super::*;

/// What a driver may do next, chosen by the generator.
#[derive(Clone, Copy, Debug)]
enum Move {
    Trigger(bool),
    Refuse,
    Ack(u8, u8),
    Decline(u8),
    Published(u8),
    PublishFailed(u8),
    Wait(u16),
    Fail,
    Ready,
}

fn moves() -> impl Strategy<Value = Move> {
    prop_oneof![
        2 => any::<bool>().prop_map(Move::Trigger),
        1 => Just(Move::Refuse),
        6 => (any::<u8>(), 0..2u8).prop_map(|(of, index)| Move::Ack(of, index)),
        1 => any::<u8>().prop_map(Move::Decline),
        3 => any::<u8>().prop_map(Move::Published),
        1 => any::<u8>().prop_map(Move::PublishFailed),
        3 => (0..400u16).prop_map(Move::Wait),
        1 => Just(Move::Fail),
        2 => Just(Move::Ready),
    ]
}

/// One run of a job, and what it has said so far.
struct Life {
    coordinator: Coordinator,
    seconds: u64,
    publishing: Vec<u64>,
    asked: u64,
    answered: u64,
    /// How often each id ended.
    ended: BTreeMap<u64, u32>,
}

impl Life {
    fn after(last_id: u64) -> Self {
        let options = Options {
            interval: Some(Duration::from_secs(30)),
            max_concurrent: 2,
            retained: 2,
            tolerable_failures: None,
            ..Options::default()
        };
        let resumed = Resumed {
            last_id,
            retained: Vec::new(),
        };
        Self {
            coordinator: Coordinator::new(job(2), Run::new("job-1", "run-1"), options, resumed),
            seconds: 0,
            publishing: Vec::new(),
            asked: 0,
            answered: 0,
            ended: BTreeMap::new(),
        }
    }

    fn input(&mut self, step: Move) -> Input {
        let under_way: Vec<u64> = self.coordinator.pending.keys().copied().collect();
        let pick = |of: u8| {
            let place = usize::from(of) % under_way.len().max(1);
            under_way.get(place).copied().unwrap_or(1)
        };
        let publishing = &mut self.publishing;
        let take = |publishing: &mut Vec<u64>, of: u8| publishing.remove(usize::from(of) % publishing.len());
        match step {
            Move::Trigger(savepoint) => {
                self.asked += 1;
                trigger(if savepoint {
                    Kind::Savepoint
                } else {
                    Kind::Checkpoint
                })
            }
            Move::Refuse => {
                self.asked += 1;
                Input::Refuse {
                    kind: Kind::Savepoint,
                    ticket: Some(Ticket(8)),
                    reason: AbortReason::NotAllTasksRunning,
                }
            }
            Move::Ack(of, index) => ack(pick(of), u32::from(index)),
            Move::Decline(of) => Input::Decline {
                checkpoint: pick(of),
                subtask: subtask(0),
                reason: "no".to_owned(),
            },
            Move::Published(_) | Move::PublishFailed(_) if publishing.is_empty() => Input::Tick,
            Move::Published(of) => published(take(publishing, of)),
            Move::PublishFailed(of) => Input::PublishFailed {
                checkpoint: take(publishing, of),
                reason: "no".to_owned(),
            },
            Move::Wait(more) => {
                self.seconds += u64::from(more);
                Input::Tick
            }
            Move::Fail => Input::JobFailed {
                reason: "no".to_owned(),
            },
            Move::Ready => Input::TasksReady,
        }
    }

    fn step(&mut self, step: Move) -> Result<(), TestCaseError> {
        let input = self.input(step);
        for output in self.coordinator.handle(input, at(self.seconds)) {
            match output {
                Output::Publish { checkpoint } => self.publishing.push(checkpoint),
                Output::Answer { .. } => self.answered += 1,
                Output::Span(span) => {
                    prop_assert!(span.start_ns <= span.end_ns);
                    if span.parent.is_none() {
                        let mut ids = self.coordinator.statistics().history().map(|of| of.id);
                        let id = ids.find(|&id| self.coordinator.run.checkpoint(id) == span.context);
                        let id = id.expect("a root is of a checkpoint that ended");
                        *self.ended.entry(id).or_default() += 1;
                    }
                }
                _ => {}
            }
        }
        prop_assert!(self.coordinator.pending.len() <= 2);
        Ok(())
    }
}

proptest! {
    /// Every id ends at most once with one root span, nothing ends that did not begin or was refused, at most
    /// `max_concurrent` are under way, every asker gets one answer, and no later run uses an id again.
    #[test]
    fn every_checkpoint_of_a_job_ends_once_under_an_id_of_its_own(
        lives in proptest::collection::vec(proptest::collection::vec(moves(), 1..60), 1..4)
    ) {
        let mut last_id = 0;
        for moves in lives {
            let mut life = Life::after(last_id);
            for step in moves.into_iter().chain([Move::Wait(700), Move::Fail]) {
                life.step(step)?;
            }
            prop_assert_eq!(life.asked, life.answered);
            prop_assert!(life.ended.values().all(|&times| times == 1), "{:?}", life.ended);
            let counts = life.coordinator.statistics().counts();
            prop_assert_eq!(counts.completed + counts.failed, life.ended.len() as u64);
            let next = life.coordinator.last_id();
            prop_assert!(life.ended.into_keys().eq(last_id + 1..=next), "no gap, none twice");
            last_id = next;
        }
    }
}
