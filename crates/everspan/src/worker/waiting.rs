//! The clients that wait at a partition: for a result, or to hear that their request is stored.
//!
//! A client that has gone leaves its place behind; places are looked through when a list has doubled, and all of
//! them once in a while, so that clients who ask again and again for the same result do not pile up.

use std::collections::{HashMap, VecDeque};

use everspan_protocol::ids::InvocationId;
use tokio::sync::oneshot;

use super::input::{Accepted, AttachReply, Ended, Reply};

/// From so many on, places for one invocation are looked through before one more is taken.
const LOOK_FROM: usize = 8;

/// One client that waits for a result.
pub(super) enum ResultPlace {
    /// It made the request.
    Call(oneshot::Sender<Ended>),
    /// It asked for the result later.
    Attach(oneshot::Sender<AttachReply>),
}

impl ResultPlace {
    fn is_left(&self) -> bool {
        match self {
            Self::Call(reply) => reply.is_closed(),
            Self::Attach(reply) => reply.is_closed(),
        }
    }

    fn tell(self, ended: Ended) {
        match self {
            Self::Call(reply) => drop(reply.send(ended)),
            Self::Attach(reply) => drop(reply.send(AttachReply::Ended(ended))),
        }
    }
}

/// All who wait at one partition.
#[derive(Default)]
pub(super) struct Waiting {
    results: HashMap<InvocationId, Vec<ResultPlace>>,
    /// One place for each submission on its way whose id others may share, in the order of their records; `None`
    /// for a client that wants no acceptance.
    accepted: HashMap<InvocationId, VecDeque<Option<oneshot::Sender<Accepted>>>>,
}

impl Waiting {
    /// A submission is about to become a record. `shared`: others may submit the same id.
    pub(super) fn submitted(&mut self, id: InvocationId, reply: Reply, shared: bool) {
        let accepted = match reply {
            Reply::Result(reply) => {
                self.result(id, ResultPlace::Call(reply));
                if !shared {
                    return;
                }
                None
            }
            Reply::Accepted(reply) => Some(reply),
        };
        self.accepted.entry(id).or_default().push_back(accepted);
    }

    /// A client wants the result of an invocation under way.
    pub(super) fn result(&mut self, id: InvocationId, place: ResultPlace) {
        let places = self.results.entry(id).or_default();
        if places.len() >= LOOK_FROM && places.len().is_power_of_two() {
            places.retain(|place| !place.is_left());
        }
        places.push(place);
    }

    /// The next submission of this id is stored.
    pub(super) fn accept(&mut self, id: InvocationId, accepted: Accepted) {
        let Some(waiting) = self.accepted.get_mut(&id) else {
            return;
        };
        if let Some(Some(reply)) = waiting.pop_front() {
            reply.send(accepted).ok();
        }
        if waiting.is_empty() {
            self.accepted.remove(&id);
        }
    }

    /// The invocation has ended.
    pub(super) fn end(&mut self, id: InvocationId, ended: &Ended) {
        for place in self.results.remove(&id).unwrap_or_default() {
            place.tell(ended.clone());
        }
    }

    /// Forgets every client that has gone.
    pub(super) fn sweep(&mut self) {
        self.results.retain(|_, places| {
            places.retain(|place| !place.is_left());
            !places.is_empty()
        });
        self.results.shrink_to(self.results.len() * 2);
    }

    #[cfg(test)]
    fn places(&self) -> usize {
        self.results.values().map(Vec::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use everspan_durable::record::Outcome;

    use super::*;

    fn id() -> InvocationId {
        InvocationId::from_parts(1, [2; 16])
    }

    fn accepted(known: bool) -> Accepted {
        Accepted {
            known,
            execute_at_ms: None,
        }
    }

    #[test]
    fn a_send_behind_a_call_with_the_same_idempotency_key_is_not_told_of_the_call() {
        let mut waiting = Waiting::default();
        let (call, _result) = oneshot::channel();
        let (send, mut stored) = oneshot::channel();
        waiting.submitted(id(), Reply::Result(call), true);
        waiting.submitted(id(), Reply::Accepted(send), true);
        waiting.accept(id(), accepted(false));
        assert!(
            stored.try_recv().is_err(),
            "the record of the send is not synced yet"
        );
        waiting.accept(id(), accepted(true));
        assert!(stored.try_recv().unwrap().known);
        assert!(waiting.accepted.is_empty());
    }

    #[test]
    fn clients_that_attach_and_leave_again_and_again_do_not_pile_up() {
        let mut waiting = Waiting::default();
        let (stays, mut result) = oneshot::channel();
        waiting.result(id(), ResultPlace::Attach(stays));
        for _ in 0..10_000 {
            let (left, _) = oneshot::channel();
            waiting.result(id(), ResultPlace::Attach(left));
        }
        assert!(waiting.places() <= LOOK_FROM, "{}", waiting.places());
        waiting.sweep();
        assert_eq!(waiting.places(), 1);
        let outcome = Outcome::Success("x".into());
        waiting.end(
            id(),
            &Ended {
                outcome,
                expires_ms: None,
            },
        );
        assert!(matches!(result.try_recv(), Ok(AttachReply::Ended(_))));
    }
}
