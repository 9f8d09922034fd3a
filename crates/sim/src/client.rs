//! Clients: they ask, wait, ask again after a crash, cancel and kill.

use bytes::Bytes;
use everspan_durable::record::{IngressRequest, Source, Submission, TraceOrigin};
use everspan_durable::target::Target;
use everspan_protocol::ids::{InvocationId, partition_key_of};
use everspan_trace::{SpanContext, derive_span_id, derive_trace_id};
use everspan_wal::sim_disk::SimRng;

use crate::program::{HANDLER, OBJECT, PLAIN, object_key};
use crate::program::{KEYS, Program};
use crate::settings::facts;

/// One request of one client.
pub(crate) struct Client {
    pub(crate) id: InvocationId,
    name: String,
    /// The object's key.
    pub(crate) key: Option<u8>,
    program: Program,
    pub(crate) idempotency_key: Option<String>,
    one_way: bool,
    delay_ms: Option<u64>,
    /// Whether its traces are sampled.
    pub(crate) sampled: bool,
    asked: u64,
    pub(crate) state: ClientState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientState {
    /// Asks at this time, ms since the epoch.
    Asks(u64),
    /// Has asked and waits.
    Waits,
    /// Has its answer, or cannot know any more.
    Done,
}

impl Client {
    /// The `number`-th client of a run, at a time before `until_ms`.
    pub(crate) fn draw(rng: &mut SimRng, number: usize, seed: u64, now_ms: u64, window_ms: u64) -> Self {
        let key = (!rng.one_in(3)).then(|| u8::try_from(rng.below(usize::from(KEYS))).expect("small"));
        let floor = key.map_or(0, |key| key + 1);
        let program = Program::draw(rng, floor, 2);
        let is_idempotent = !rng.one_in(3);
        let idempotency_key = is_idempotent.then(|| format!("c{}", rng.below(number + 1).max(number / 2)));
        let delay_ms = rng.one_in(8).then_some(700);
        let window = usize::try_from(window_ms).expect("a short time");
        let asks_ms = now_ms + rng.below(window) as u64;
        let name = format!("{seed} {number}");
        Self::new(
            key,
            program,
            idempotency_key,
            &name,
            asks_ms,
            delay_ms,
            rng.one_in(3),
        )
    }

    /// A plain request of a program on an object.
    pub(crate) fn on_object(key: u8, program: Program, name: &str, now_ms: u64) -> Self {
        Self::new(Some(key), program, None, name, now_ms, None, false)
    }

    fn new(
        key: Option<u8>,
        program: Program,
        idempotency_key: Option<String>,
        name: &str,
        asks_ms: u64,
        delay_ms: Option<u64>,
        one_way: bool,
    ) -> Self {
        let object = key.map(object_key);
        let service = if key.is_some() { OBJECT } else { PLAIN };
        let id = match &idempotency_key {
            Some(idempotency_key) => {
                InvocationId::for_idempotency(service, object.as_deref(), HANDLER, idempotency_key)
            }
            None => {
                let partition_key = partition_key_of(object.as_deref().unwrap_or(name));
                InvocationId::from_parts(partition_key, derive_trace_id(name.as_bytes()).0)
            }
        };
        Self {
            id,
            name: name.to_owned(),
            key,
            program,
            idempotency_key,
            one_way,
            delay_ms,
            sampled: true,
            asked: 0,
            state: ClientState::Asks(asks_ms),
        }
    }

    /// The next request, new in nothing but its span.
    pub(crate) fn request(&mut self, now_ms: u64) -> Submission {
        self.asked += 1;
        let seed = format!("{} {}", self.name, self.asked);
        let mut cause = SpanContext::sampled(
            derive_trace_id(seed.as_bytes()),
            derive_span_id(seed.as_bytes(), 99),
        );
        if !self.sampled {
            cause.flags = 0;
        }
        let service = if self.key.is_some() { OBJECT } else { PLAIN };
        Submission {
            id: self.id,
            target: Target {
                service: service.into(),
                key: self.key.map(object_key),
                handler: HANDLER.into(),
            },
            handler: facts(service),
            headers: Vec::new(),
            argument: Bytes::from(self.program.encode()),
            execute_at_ms: self.delay_ms.map(|delay_ms| now_ms + delay_ms),
            idempotency_key: self.idempotency_key.clone(),
            source: Source::Ingress(IngressRequest {
                span_id: cause.span_id,
                parent: None,
                received_ns: now_ms * 1_000_000,
                method: "POST".into(),
                path: "/".into(),
                client: None,
                user_agent: None,
                one_way: self.one_way,
            }),
            trace: TraceOrigin { cause, joins: true },
        }
    }

    /// The server stored the request.
    pub(crate) fn accepted(&mut self) {
        if self.one_way && self.state == ClientState::Waits {
            self.state = ClientState::Done;
        }
    }

    /// The server told the result.
    pub(crate) fn told(&mut self) {
        if self.state == ClientState::Waits {
            self.state = ClientState::Done;
        }
    }

    /// The server died: who waits asks again if that is safe, otherwise it will never know.
    pub(crate) fn disconnected(&mut self, again_ms: u64) {
        if self.state == ClientState::Waits {
            self.state = match self.idempotency_key {
                Some(_) => ClientState::Asks(again_ms),
                None => ClientState::Done,
            };
        }
    }
}
