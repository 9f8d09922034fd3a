//! A destination that puts spans on a shelf, or does not, as a test wants it.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use everspan_export::{Batch, Delivery, Destination};
use opentelemetry_proto::tonic::trace::v1::ScopeSpans;
use prost::Message;

/// How the destination answers one delivery.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Take,
    TakeAllBut(u64),
    Refuse,
    Later,
    Panic,
    /// It never answers, but can be cut off.
    Never,
}

/// What the destinations made of it have taken.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    state: Arc<Mutex<State>>,
    /// Told when a thread may go on that blocks in a delivery.
    unblocked: Arc<Condvar>,
}

#[derive(Default)]
struct State {
    batches: Vec<Vec<u64>>,
    answers: VecDeque<Answer>,
    is_away: bool,
    blocks: bool,
    deliveries: usize,
    bytes: usize,
}

impl Shelf {
    /// It takes everything, unless told otherwise.
    pub(crate) fn here() -> Self {
        Self::default()
    }

    /// It takes nothing until it comes back.
    pub(crate) fn away() -> Self {
        let shelf = Self::default();
        shelf.go_away();
        shelf
    }

    pub(crate) fn go_away(&self) {
        self.state.lock().unwrap().is_away = true;
    }

    pub(crate) fn come_back(&self) {
        self.state.lock().unwrap().is_away = false;
    }

    /// Deliveries block their thread until [`unblock`](Shelf::unblock).
    pub(crate) fn block(&self) {
        self.state.lock().unwrap().blocks = true;
    }

    pub(crate) fn unblock(&self) {
        self.state.lock().unwrap().blocks = false;
        self.unblocked.notify_all();
    }

    /// The next delivery is answered like this.
    pub(crate) fn answer(&self, answer: Answer) {
        self.state.lock().unwrap().answers.push_back(answer);
    }

    pub(crate) fn destination(&self) -> Box<dyn Destination> {
        Box::new(self.clone())
    }

    pub(crate) fn deliveries(&self) -> usize {
        self.state.lock().unwrap().deliveries
    }

    /// The bytes of all spans that were taken.
    pub(crate) fn bytes(&self) -> usize {
        self.state.lock().unwrap().bytes
    }

    /// The numbers of all spans, as they came.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.batches().concat()
    }

    /// The same, by batch.
    pub(crate) fn batches(&self) -> Vec<Vec<u64>> {
        self.state.lock().unwrap().batches.clone()
    }

    fn take(&self, batch: &Batch) -> Option<Delivery> {
        let mut state = self.state.lock().unwrap();
        state.deliveries += 1;
        while state.blocks {
            state = self.unblocked.wait(state).unwrap();
        }
        let answer = state.answers.pop_front();
        if state.is_away || matches!(answer, Some(Answer::Later)) {
            return Some(Delivery::Later {
                wait: Some(Duration::from_millis(5)),
                why: "away".to_owned(),
            });
        }
        match answer {
            Some(Answer::Refuse) => {
                return Some(Delivery::Refused {
                    why: "not like this".to_owned(),
                });
            }
            Some(Answer::Panic) => {
                drop(state);
                panic!("the destination cannot bear this batch");
            }
            Some(Answer::Never) => return None,
            Some(Answer::Take | Answer::TakeAllBut(_) | Answer::Later) | None => {}
        }
        state.bytes += batch.bytes();
        state.batches.push(numbers(batch));
        let rejected = match answer {
            Some(Answer::TakeAllBut(rejected)) => rejected,
            _ => 0,
        };
        Some(Delivery::Taken {
            rejected,
            message: None,
        })
    }
}

impl Destination for Shelf {
    fn deliver<'a>(&'a mut self, batch: &'a Batch) -> Pin<Box<dyn Future<Output = Delivery> + Send + 'a>> {
        Box::pin(async {
            match self.take(batch) {
                Some(delivery) => delivery,
                None => std::future::pending().await,
            }
        })
    }

    fn place(&self) -> String {
        "a shelf".to_owned()
    }
}

/// The numbers of the spans of a batch.
pub(crate) fn numbers(batch: &Batch) -> Vec<u64> {
    let spans = batch.scopes().flat_map(|(_, encoded)| {
        let scope = ScopeSpans::decode(encoded).unwrap();
        scope.spans.into_iter().map(|span| span.start_time_unix_nano)
    });
    spans.collect()
}
