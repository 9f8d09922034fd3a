//! One task an attempt: finds the deployment, connects, then moves bytes until the conversation is over.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use everspan_durable::attempt::{Action, Attempt, Settings};
use everspan_durable::effect::StartAttempt;
use everspan_durable::record::{AttemptEnd, AttemptError, Failed, Pin, Progress};
use everspan_protocol::ids::InvocationId;
use everspan_protocol::manifest::ProtocolMode;
use h2::{Reason, RecvStream, SendStream};
use tokio::sync::mpsc;

use super::connection::Place;
use super::connector::Connector;
use super::request::attempt_request;
use crate::config::Headers;
use crate::panicked;
use crate::registry::{Defaults, Deployment, Registry, ResolvedHandler, Snapshot};

/// How long a service may take to close a stream that is over.
const DRAIN: Duration = Duration::from_secs(5);

/// What the worker tells a running attempt.
#[derive(Debug)]
pub enum AttemptInput {
    /// A frame for the service.
    Notify(Bytes),
    /// Stop: the invocation is over.
    Abort,
}

/// Where records of attempts go; waits while the worker has too many of them.
pub trait ProgressSink: Send + Sync + 'static {
    /// Hands over one record; `false` when the worker is gone.
    fn store(&self, progress: Box<Progress>) -> impl Future<Output = bool> + Send;
}

/// How attempts are made.
#[derive(Clone, Debug)]
pub struct InvokerOptions {
    /// The longest frame, bytes.
    pub message_max: u32,
    /// Headers for every request.
    pub headers: Headers,
}

/// Makes attempts.
pub struct Invoker {
    registry: Arc<Registry>,
    connector: Arc<Connector>,
    defaults: Defaults,
    options: InvokerOptions,
}

/// What an attempt is made with, found in the registry.
struct Route {
    snapshot: Arc<Snapshot>,
    deployment: Arc<Deployment>,
    settings: Settings,
}

impl Invoker {
    /// An invoker for the deployments of `registry`.
    pub fn new(
        registry: Arc<Registry>,
        connector: Arc<Connector>,
        defaults: Defaults,
        options: InvokerOptions,
    ) -> Self {
        Self {
            registry,
            connector,
            defaults,
            options,
        }
    }

    /// Makes one attempt; returns when its stream is closed. One that panics has failed: else its invocation would be
    /// under way until the next start.
    pub async fn run(
        &self,
        start: StartAttempt,
        inputs: mpsc::UnboundedReceiver<AttemptInput>,
        sink: &impl ProgressSink,
    ) {
        let (id, attempt) = (start.id, start.attempt);
        if let Err(message) = panicked::caught(self.converse(start, inputs, sink)).await {
            tracing::error!(%id, attempt, message, "an attempt ended in the middle");
            self.give_up(id, attempt, error(500, message), sink).await;
        }
    }

    async fn converse(
        &self,
        start: StartAttempt,
        inputs: mpsc::UnboundedReceiver<AttemptInput>,
        sink: &impl ProgressSink,
    ) {
        let route = match self.route(&start) {
            Ok(route) => route,
            Err(message) => {
                return self
                    .give_up(start.id, start.attempt, error(404, message), sink)
                    .await;
            }
        };
        let clock = Clock(Instant::now());
        let (attempt, actions) = Attempt::begin(&start, route.settings.clone(), clock.now_ms());
        let mut pump = Pump {
            attempt,
            clock,
            sink,
            snapshot: route.snapshot,
            send: None,
        };
        let opened = self.open(&start, &route.deployment).await;
        let (send, response, _place) = match opened {
            Ok(opened) => opened,
            Err(reason) => {
                let actions = pump.attempt.broken(&reason);
                pump.carry_out(actions).await;
                return;
            }
        };
        if inputs.is_closed() {
            return; // killed while connecting: the service hears nothing of it
        }
        pump.send = Some(send);
        if pump.carry_out(actions).await {
            let expected = route.deployment.protocol.content_type();
            pump.run(response, inputs, expected).await;
        }
    }

    fn route(&self, start: &StartAttempt) -> Result<Route, String> {
        let snapshot = self.registry.snapshot();
        let target = &start.target;
        let deployment = match &start.pin {
            Some(pin) => snapshot
                .deployment(&pin.deployment)
                .ok_or_else(|| format!("the deployment {} is not registered any more", pin.deployment))?,
            None => {
                let newest = snapshot.newest(&target.service);
                newest
                    .ok_or_else(|| format!("no deployment offers the service {}", target.service))?
                    .0
            }
        };
        let handler = deployment
            .services
            .get(&target.service)
            .and_then(|service| service.handlers.get(&target.handler))
            .ok_or_else(|| {
                format!(
                    "the deployment {} does not offer {}/{}",
                    deployment.id, target.service, target.handler
                )
            })?;
        let settings = self.settings(deployment, handler);
        let deployment = Arc::clone(deployment);
        Ok(Route {
            snapshot,
            deployment,
            settings,
        })
    }

    fn settings(&self, deployment: &Deployment, handler: &ResolvedHandler) -> Settings {
        Settings {
            pin: Pin {
                deployment: deployment.id,
                address: deployment.address.to_string(),
                protocol_version: u32::from(deployment.protocol.number()),
                policy: handler.policy.clone(),
            },
            policy: handler.policy.clone(),
            inactivity_ms: millis(handler.inactivity),
            abort_ms: millis(handler.abort),
            message_max: self.options.message_max,
            bidirectional: deployment.mode == ProtocolMode::BidiStream,
        }
    }

    async fn open(
        &self,
        start: &StartAttempt,
        deployment: &Deployment,
    ) -> Result<(SendStream<Bytes>, h2::client::ResponseFuture, Place), String> {
        let request = attempt_request(start, deployment, &self.options.headers)?;
        let authority = deployment.address.authority();
        let (mut sender, place) = self
            .connector
            .stream(&authority)
            .await
            .map_err(|error| error.to_string())?;
        let (response, send) = sender
            .send_request(request, false)
            .map_err(|error| format!("the request to {authority} was not sent: {error}"))?;
        Ok((send, response, place))
    }

    /// The attempt has failed without a conversation that says so.
    async fn give_up(&self, id: InvocationId, attempt: u32, error: AttemptError, sink: &impl ProgressSink) {
        let policy = self.defaults.policy().clone();
        let end = AttemptEnd::Failed(Failed {
            error,
            policy,
            retry_after_ms: None,
        });
        let progress = Progress {
            id,
            attempt,
            pin: None,
            frames: Vec::new(),
            end: Some(end),
        };
        sink.store(Box::new(progress)).await;
    }
}

/// Time of one conversation: a wall clock that is set must not end it, nor keep it alive.
struct Clock(Instant);

impl Clock {
    fn now_ms(&self) -> u64 {
        millis(self.0.elapsed())
    }
}

struct Pump<'a, S> {
    attempt: Attempt,
    clock: Clock,
    sink: &'a S,
    snapshot: Arc<Snapshot>,
    send: Option<SendStream<Bytes>>,
}

/// What happened to the stream.
enum Event {
    Response(Result<http::Response<RecvStream>, h2::Error>),
    Data(Option<Result<Bytes, h2::Error>>),
    Input(Option<AttemptInput>),
    Deadline,
}

impl<S: ProgressSink> Pump<'_, S> {
    async fn run(
        &mut self,
        response: h2::client::ResponseFuture,
        mut inputs: mpsc::UnboundedReceiver<AttemptInput>,
        expected_content_type: &str,
    ) {
        tokio::pin!(response);
        let mut body: Option<RecvStream> = None;
        let mut wait = std::pin::pin!(tokio::time::sleep(self.next_wait()));
        let mut over_since: Option<Instant> = None;
        loop {
            let event = tokio::select! {
                biased;
                input = inputs.recv(), if over_since.is_none() => Event::Input(input),
                head = &mut response, if body.is_none() => Event::Response(head),
                piece = next_piece(&mut body), if body.is_some() => Event::Data(piece),
                () = &mut wait => Event::Deadline,
            };
            // A service that sends on and on after its last word is left, too.
            if over_since.is_some_and(|since| since.elapsed() >= DRAIN) {
                return self.reset();
            }
            let actions = match event {
                Event::Response(Ok(head)) => {
                    let (parts, stream) = head.into_parts();
                    body = Some(stream);
                    self.on_head(&parts, expected_content_type)
                }
                Event::Data(Some(Ok(piece))) => {
                    release(&mut body, piece.len());
                    self.attempt.data(piece, &*self.snapshot, self.clock.now_ms())
                }
                Event::Response(Err(error)) | Event::Data(Some(Err(error))) => {
                    let actions = self.attempt.broken(&broken_text(&error));
                    self.carry_out(actions).await;
                    return;
                }
                Event::Data(None) => {
                    let actions = self.attempt.finished();
                    self.carry_out(actions).await;
                    return;
                }
                Event::Input(Some(AttemptInput::Notify(frame))) => {
                    self.attempt.notify(frame, self.clock.now_ms())
                }
                Event::Input(Some(AttemptInput::Abort) | None) => return self.reset(),
                Event::Deadline => {
                    let actions = self.attempt.tick(self.clock.now_ms());
                    wait.as_mut()
                        .reset(tokio::time::Instant::now() + self.next_wait());
                    actions
                }
            };
            if !self.carry_out(actions).await {
                return;
            }
            if over_since.is_none() && self.attempt.is_over() {
                over_since = Some(Instant::now());
                wait.as_mut().reset(tokio::time::Instant::now() + DRAIN);
            }
        }
    }

    fn on_head(&mut self, parts: &http::response::Parts, expected_content_type: &str) -> Vec<Action> {
        let header = |name: http::HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let retry_after_ms = header(http::header::RETRY_AFTER)
            .and_then(|value| value.trim().parse::<u64>().ok())
            .map(|seconds| seconds.saturating_mul(1000));
        let content_type = header(http::header::CONTENT_TYPE);
        let status = parts.status.as_u16();
        let now_ms = self.clock.now_ms();
        self.attempt.response(
            status,
            content_type,
            expected_content_type,
            retry_after_ms,
            now_ms,
        )
    }

    /// Carries actions out in order; `false` when the stream is to be left.
    async fn carry_out(&mut self, actions: Vec<Action>) -> bool {
        let mut actions = actions.into_iter().peekable();
        while let Some(action) = actions.next() {
            match action {
                Action::Send(bytes) => {
                    let last = actions.next_if_eq(&Action::HalfClose).is_some();
                    self.send(bytes, last);
                }
                Action::HalfClose => self.send(Bytes::new(), true),
                Action::Store(progress) => {
                    if !self.sink.store(progress).await {
                        self.reset();
                        return false;
                    }
                }
                Action::Reset => {
                    self.reset();
                    return false;
                }
            }
        }
        true
    }

    /// A failed send needs no answer here: the same failure ends the response.
    fn send(&mut self, bytes: Bytes, last: bool) {
        if let Some(send) = &mut self.send
            && let Err(error) = send.send_data(bytes, last)
        {
            tracing::debug!(%error, "sending to a service failed");
        }
    }

    fn reset(&mut self) {
        if let Some(send) = &mut self.send {
            send.send_reset(Reason::CANCEL);
        }
    }

    fn next_wait(&self) -> Duration {
        let deadline_ms = self.attempt.deadline_ms().unwrap_or(u64::MAX);
        let wait_ms = deadline_ms.saturating_sub(self.clock.now_ms());
        Duration::from_millis(wait_ms.min(24 * 60 * 60 * 1000))
    }
}

async fn next_piece(body: &mut Option<RecvStream>) -> Option<Result<Bytes, h2::Error>> {
    match body {
        Some(body) => body.data().await,
        None => std::future::pending().await,
    }
}

/// Lets the service send on. An error means that the stream is gone, which its next read says.
fn release(body: &mut Option<RecvStream>, len: usize) {
    if let Some(body) = body
        && let Err(error) = body.flow_control().release_capacity(len)
    {
        tracing::trace!(%error, "the stream is gone");
    }
}

fn broken_text(error: &h2::Error) -> String {
    format!("the connection to the service broke: {error}")
}

fn error(code: u16, message: String) -> AttemptError {
    AttemptError {
        code,
        message,
        stacktrace: String::new(),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
