//! Two tasks as one chain, where an exchange would pass records from one subtask to one: nothing is in flight there. A
//! checkpoint of a run that had more subtasks may hold data in flight all the same, which comes first.

use std::marker::PhantomData;

use super::snapshot::decoded;
use super::{InFlight, TaskContext};
use crate::data::Data;
use crate::failure::Result;
use crate::graph::{Operator, Setup, StageFactory, TaskDescription};
use crate::stage::{Signal, Stage};

/// What would be a task of its own behind an exchange.
pub(crate) struct ChainedFactory<T, N> {
    next: N,
    records: PhantomData<fn() -> T>,
}

impl<T, N> ChainedFactory<T, N> {
    pub(crate) fn new(next: N) -> Self {
        Self {
            next,
            records: PhantomData,
        }
    }
}

impl<T: Data, N: StageFactory<T>> StageFactory<T> for ChainedFactory<T, N> {
    type Stage = Chained<T, N::Stage>;

    fn make(&self, setup: &mut Setup<'_>) -> Self::Stage {
        let mut behind = TaskDescription::default();
        self.next.describe(&mut behind);
        let head = behind.operators.into_iter().next();
        // Behind a union there is a gate all the same, which takes it.
        let head = head.filter(|head| !setup.begins_with(head));
        let in_flight = head.map(|head| {
            let elements = setup.in_flight(&head);
            (head, elements)
        });
        Chained {
            in_flight,
            next: self.next.make(setup),
            records: PhantomData,
        }
    }

    fn describe(&self, task: &mut TaskDescription) {
        let before = task.operators.len();
        self.next.describe(task);
        task.takes_in_flight(before);
    }
}

/// See the module.
pub(crate) struct Chained<T, S> {
    /// The operator they were on their way to; taken when it opens.
    in_flight: Option<(Operator, Vec<Vec<u8>>)>,
    next: S,
    records: PhantomData<fn() -> T>,
}

impl<T: Data, S: Stage<T>> Stage<T> for Chained<T, S> {
    #[inline(always)]
    fn record(&mut self, record: T, task: &mut TaskContext) {
        self.next.record(record, task);
    }

    #[inline]
    fn signal(&mut self, signal: &mut Signal<'_>, task: &mut TaskContext) {
        self.next.signal(signal, task);
        if let Signal::Open = signal {
            self.restore(task);
        }
    }
}

impl<T: Data, S: Stage<T>> Chained<T, S> {
    fn restore(&mut self, task: &mut TaskContext) {
        let Some((head, elements)) = self.in_flight.take() else {
            return;
        };
        if elements.is_empty() || task.has_failed() {
            return;
        }
        if let Err(error) = self.process(&elements, task) {
            task.fail(&head, error);
        }
        self.next.signal(&mut Signal::StepEnds, task);
    }

    fn process(&mut self, elements: &[Vec<u8>], task: &mut TaskContext) -> Result {
        for in_flight in decoded::<InFlight>(elements)? {
            for (record, timestamp) in in_flight.read::<T>()? {
                task.timestamp = timestamp;
                self.next.record(record, task);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Batch;
    use crate::graph::{Graph, OperatorOptions};
    use crate::task::snapshot::encoded;

    /// What came, with its time; "open" and "step" for these signals.
    struct Seen(Vec<(String, i64)>);

    impl Stage<String> for Seen {
        fn record(&mut self, record: String, task: &mut TaskContext) {
            self.0.push((record, task.timestamp));
        }

        fn signal(&mut self, signal: &mut Signal<'_>, _task: &mut TaskContext) {
            match signal {
                Signal::Open => self.0.push(("open".to_owned(), 0)),
                Signal::StepEnds => self.0.push(("step".to_owned(), 0)),
                _ => {}
            }
        }
    }

    fn opened(elements: Vec<Vec<u8>>) -> (Vec<(String, i64)>, Result<(), crate::failure::Failure>) {
        let head = Graph::default().add_operator(OperatorOptions::named("count"));
        let mut chained = Chained {
            in_flight: Some((head, elements)),
            next: Seen(Vec::new()),
            records: PhantomData,
        };
        let mut task = TaskContext::new(Default::default());
        chained.signal(&mut Signal::Open, &mut task);
        chained.record("new".to_owned(), &mut task);
        (chained.next.0, task.take_failure())
    }

    #[test]
    fn what_was_in_flight_between_two_tasks_that_are_one_chain_now_comes_before_everything_else() {
        let in_flight = [0, 1].map(|to| {
            let mut batch = Batch::default();
            batch.push(format!("to {to}"), 5 + i64::from(to), None);
            let mut in_flight = InFlight::new(0, usize::try_from(to).unwrap());
            in_flight.add(&batch);
            in_flight
        });
        let (seen, failure) = opened(encoded(&in_flight));
        let names: Vec<&str> = seen.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["open", "to 0", "to 1", "step", "new"]);
        assert_eq!((seen[1].1, seen[2].1), (5, 6));
        assert!(failure.is_ok());
    }

    #[test]
    fn what_was_in_flight_and_cannot_be_read_is_told_with_the_operator_it_was_on_its_way_to() {
        let (_, failure) = opened(vec![vec![1, 2, 3]]);
        let failure = failure.expect_err("that is nothing");
        assert_eq!((failure.operator.as_str(), failure.is_final), ("count", true));
    }
}
