//! Partitions, their logs, scripted services and one clock: everything a story needs, without a socket or a sleep.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use everspan_durable::attempt::{Attempt, Callees};
use everspan_durable::machine::{Options, SpanOptions, Takers};
use everspan_durable::partition::Partition;
use everspan_durable::policy::{Retention, RetryPolicy};
use everspan_durable::record::{
    Body, HandlerFacts, IngressRequest, Message, Outcome, Pin, Source, Submission, TraceOrigin,
};
use everspan_durable::target::{HandlerKind, Target};
use everspan_durable::view::InvocationView;
use everspan_protocol::frame::MessageType;
use everspan_protocol::ids::{DeploymentId, InvocationId, partition_key_of, partition_of};
use everspan_protocol::message::Start;
use everspan_state::{Backend, MemoryBackend};
use everspan_trace::{Span, SpanContext, derive_span_id, derive_trace_id};

mod life;
mod talks;

use crate::core::{CoreHandler, CoreSdk};
use crate::sdk::{Handler, Sdk};

pub(crate) const CONTENT_TYPE: &str = "application/vnd.restate.invocation.v6";
const T0_MS: u64 = 1_750_000_000_000;
const DAY_MS: u64 = 86_400_000;

/// The deployments: handlers by name.
#[derive(Default)]
pub(crate) struct Services {
    handlers: BTreeMap<(String, String), (HandlerFacts, Code)>,
}

impl Services {
    pub(crate) fn facts(&self, service: &str, handler: &str) -> Option<HandlerFacts> {
        let found = self.handlers.get(&(service.to_owned(), handler.to_owned()));
        found.map(|(facts, _)| facts.clone())
    }
}

impl Callees for Services {
    fn find(&self, service: &str, handler: &str, _idempotent: bool) -> Option<HandlerFacts> {
        self.facts(service, handler)
    }
}

/// How a handler is written.
#[derive(Clone, Copy)]
enum Code {
    Scripted(Handler),
    Official(CoreHandler),
}

enum Service {
    Scripted(Box<Sdk>),
    Official(Box<CoreSdk>),
}

struct Conversation {
    number: u32,
    attempt: Attempt,
    service: Service,
}

pub(crate) struct World {
    pub(crate) services: Services,
    pub(crate) policy: RetryPolicy,
    pub(crate) inactivity_ms: u64,
    pub(crate) options: Options,
    pub(crate) attempts_max: u32,
    pub(crate) now_ms: u64,
    pub(crate) partitions: Vec<Partition<MemoryBackend>>,
    pub(crate) logs: Vec<Vec<Vec<u8>>>,
    queue: VecDeque<(usize, Body)>,
    talks: BTreeMap<InvocationId, Conversation>,
    /// Every attempt begun: number, `Start`, and the types of the entries replayed.
    pub(crate) starts: BTreeMap<InvocationId, Vec<(u32, Start, Vec<MessageType>)>>,
    pub(crate) spans: Vec<Span>,
    /// The context of each attempt begun, as its service is told.
    pub(crate) handed: BTreeMap<InvocationId, Vec<SpanContext>>,
    pub(crate) accepted: Vec<(InvocationId, bool)>,
    pub(crate) outcomes: BTreeMap<InvocationId, Vec<Outcome>>,
    pub(crate) side_effects: u32,
    /// The process dies when this many records are in the logs.
    pub(crate) crash_at: Option<usize>,
    /// The states are flushed when this many records are in the logs.
    pub(crate) flush_at: Option<usize>,
    submitted: u64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::of(1)
    }

    pub(crate) fn of(partitions: u16) -> Self {
        let options = Options {
            partition: 0,
            partitions,
            eager_state_max: 1 << 20,
            spans: SpanOptions::new(Takers::Everything),
        };
        let mut world = Self {
            services: Services::default(),
            policy: RetryPolicy::default(),
            inactivity_ms: 1000,
            options,
            attempts_max: 100,
            now_ms: T0_MS,
            partitions: Vec::new(),
            logs: vec![Vec::new(); usize::from(partitions)],
            queue: VecDeque::new(),
            talks: BTreeMap::new(),
            starts: BTreeMap::new(),
            spans: Vec::new(),
            handed: BTreeMap::new(),
            accepted: Vec::new(),
            outcomes: BTreeMap::new(),
            side_effects: 0,
            crash_at: None,
            flush_at: None,
            submitted: 0,
        };
        let states = vec![MemoryBackend::new(); usize::from(partitions)];
        world.open(states);
        world
    }

    pub(crate) fn serve(&mut self, service: &str, handler: &str, kind: HandlerKind, code: Handler) {
        let facts = HandlerFacts {
            kind,
            retention: Retention {
                completion_ms: DAY_MS,
                journal_ms: DAY_MS,
            },
            lazy_state: false,
        };
        self.serve_as(service, handler, facts, code);
    }

    pub(crate) fn serve_as(&mut self, service: &str, handler: &str, facts: HandlerFacts, code: Handler) {
        let name = (service.to_owned(), handler.to_owned());
        self.services.handlers.insert(name, (facts, Code::Scripted(code)));
    }

    /// A handler of a plain service on the official SDKs' state machine.
    pub(crate) fn serve_official(&mut self, service: &str, handler: &str, code: CoreHandler) {
        self.serve(service, handler, HandlerKind::Service, |_| Ok(String::new()));
        let name = (service.to_owned(), handler.to_owned());
        self.services
            .handlers
            .entry(name)
            .and_modify(|(_, old)| *old = Code::Official(code));
    }

    // --- clients ---

    /// A client calls `Service/handler` or `Object/key/handler`.
    pub(crate) fn submit(&mut self, path: &str, argument: &str) -> InvocationId {
        let submission = self.submission(path, argument);
        self.submit_this(submission)
    }

    pub(crate) fn submit_this(&mut self, submission: Submission) -> InvocationId {
        let id = submission.id;
        self.put(&id, Body::Submit(Box::new(submission)));
        id
    }

    pub(crate) fn submission(&mut self, path: &str, argument: &str) -> Submission {
        let parts: Vec<&str> = path.split('/').collect();
        let (service, key, handler) = match parts[..] {
            [service, handler] => (service, None, handler),
            [service, key, handler] => (service, Some(key.to_owned()), handler),
            _ => panic!("{path} is no path"),
        };
        self.submitted += 1;
        let seed = format!("{path} {}", self.submitted);
        let facts = self.services.facts(service, handler).expect("a served handler");
        let partition_key = partition_key_of(key.as_deref().unwrap_or(&seed));
        let id = match (&key, facts.kind) {
            (Some(key), HandlerKind::Workflow) => InvocationId::for_workflow(service, key),
            _ => InvocationId::from_parts(partition_key, derive_trace_id(seed.as_bytes()).0),
        };
        let span_id = derive_span_id(seed.as_bytes(), 77);
        Submission {
            id,
            target: Target {
                service: service.into(),
                key,
                handler: handler.into(),
            },
            handler: facts,
            headers: Vec::new(),
            argument: Bytes::copy_from_slice(argument.as_bytes()),
            execute_at_ms: None,
            idempotency_key: None,
            source: Source::Ingress(IngressRequest {
                span_id,
                parent: None,
                received_ns: self.now_ms * 1_000_000,
                method: "POST".into(),
                path: format!("/{path}"),
                client: None,
                user_agent: None,
                one_way: false,
            }),
            trace: TraceOrigin {
                cause: SpanContext::sampled(derive_trace_id(seed.as_bytes()), span_id),
                joins: true,
            },
        }
    }

    /// A client's request with an idempotency key.
    pub(crate) fn submit_once(&mut self, path: &str, argument: &str, idempotency_key: &str) -> InvocationId {
        let mut submission = self.submission(path, argument);
        submission.id = InvocationId::for_idempotency(
            &submission.target.service,
            submission.target.key.as_deref(),
            &submission.target.handler,
            idempotency_key,
        );
        submission.idempotency_key = Some(idempotency_key.into());
        self.submit_this(submission)
    }

    pub(crate) fn ask(&mut self, message: Message) {
        let id = *message.recipient();
        self.put(&id, Body::Asked(message));
    }

    /// Anything else happens to the first partition.
    pub(crate) fn record(&mut self, body: Body) {
        self.queue.push_back((0, body));
        self.settle();
    }

    fn put(&mut self, id: &InvocationId, body: Body) {
        let partition = self.partition_of(id);
        self.queue.push_back((partition, body));
        self.settle();
    }

    fn partition_of(&self, id: &InvocationId) -> usize {
        usize::from(partition_of(id.partition_key(), self.options.partitions))
    }

    // --- looking ---

    pub(crate) fn view(&self, id: &InvocationId) -> InvocationView {
        let partition = &self.partitions[self.partition_of(id)];
        partition
            .machine()
            .view(id)
            .expect("readable state")
            .expect("a known invocation")
    }

    pub(crate) fn status(&self, id: &InvocationId) -> &'static str {
        self.view(id).status
    }

    /// The one outcome: the value, or `code message`.
    pub(crate) fn outcome(&self, id: &InvocationId) -> String {
        let outcomes = &self.outcomes.get(id).expect("an outcome");
        assert!(
            outcomes.iter().all(|outcome| outcome == &outcomes[0]),
            "{outcomes:?}"
        );
        match &outcomes[0] {
            Outcome::Success(value) => crate::sdk::text(value),
            Outcome::Failure(failure) => format!("{} {}", failure.code, failure.message),
        }
    }

    pub(crate) fn spans_of(&self, id: &InvocationId) -> Vec<&Span> {
        let id = id.to_string();
        let is_its = |span: &&Span| {
            let ids = span
                .attributes
                .iter()
                .filter(|pair| pair.key == "restate.invocation.id");
            ids.into_iter()
                .any(|pair| format!("{:?}", pair.value).contains(&id))
        };
        self.spans.iter().filter(is_its).collect()
    }

    pub(crate) fn digests(&self) -> Vec<u128> {
        let digest =
            |partition: &Partition<MemoryBackend>| partition.machine().backend().digest().expect("a digest");
        self.partitions.iter().map(digest).collect()
    }

    pub(crate) fn records(&self) -> usize {
        self.logs.iter().map(Vec::len).sum()
    }

    // --- time ---

    /// Time goes on; timers and deadlines fall due one by one.
    pub(crate) fn wait_ms(&mut self, ms: u64) {
        let end_ms = self.now_ms + ms;
        while let Some(next_ms) = self.next_ms().filter(|&next_ms| next_ms <= end_ms) {
            self.now_ms = self.now_ms.max(next_ms);
            self.fire_due();
            self.settle();
        }
        self.now_ms = end_ms;
    }

    fn next_ms(&self) -> Option<u64> {
        let timers = self
            .partitions
            .iter()
            .filter_map(|partition| partition.machine().next_timer_ms());
        let deadlines = self.talks.values().filter_map(|talk| talk.attempt.deadline_ms());
        timers.chain(deadlines).min()
    }

    fn fire_due(&mut self) {
        for (index, partition) in self.partitions.iter().enumerate() {
            for timer in partition.machine().due_timers(self.now_ms, 10) {
                self.queue.push_back((index, Body::TimerFired(timer)));
            }
        }
        let ids: Vec<_> = self.talks.keys().copied().collect();
        for id in ids {
            let now_ms = self.now_ms;
            let Some(talk) = self.talks.get_mut(&id) else {
                continue;
            };
            let actions = talk.attempt.tick(now_ms);
            self.act(&id, actions);
        }
    }

    // --- the runtime ---

    /// Takes everything that has happened into the log and carries out what follows, until nothing is left.
    pub(crate) fn settle(&mut self) {
        while let Some((index, body)) = self.queue.pop_front() {
            let mut payload = Vec::new();
            let seq = self.partitions[index].prepare(body, self.now_ms * 1_000_000, &mut payload);
            self.logs[index].push(payload);
            if self.crash_at == Some(self.records()) {
                self.crash();
                continue;
            }
            let partition = &mut self.partitions[index];
            partition.apply_prepared().expect("readable state");
            assert!(partition.release().is_none(), "an effect left before the sync");
            partition.synced(seq);
            while let Some(effect) = self.partitions[index].release() {
                let partition = &self.partitions[index];
                let all_left = partition.released_up_to() == seq;
                assert_eq!(all_left, partition.held() == 0, "record {seq}");
                self.carry_out(index, effect);
            }
            if self.flush_at == Some(self.records()) {
                self.flush();
            }
        }
    }
}

pub(crate) fn pin() -> Pin {
    Pin {
        deployment: DeploymentId::from_bytes([1; 16]),
        address: "http://localhost:9080".into(),
        protocol_version: 6,
        policy: RetryPolicy::default(),
    }
}
