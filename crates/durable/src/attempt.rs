//! One conversation with one SDK, without its socket: bytes and times in, bytes and records out.
//!
//! ```text
//!            response headers        SDK frames              terminal frame
//!  Asked ───────────────────► Talking ────────┐        ┌──► Over (drains)
//!    │                          │  ▲          └Store───┤
//!    │ other status, broken     │  └── notifications    │ Store(… end)
//!    └──────────────────────────┴──────────────────────►┘
//! ```
//!
//! The edge moves bytes as the [`Action`]s say and tells every [`Action::Store`] to the partition. What the SDK sent
//! in one piece becomes one record.

use bytes::Bytes;
use everspan_protocol::frame::{Decoder, Frame, MessageType};
use everspan_protocol::ids::InvocationId;
use everspan_protocol::message::{CallCommand, Error as ErrorMessage, OneWayCallCommand, Suspension};

use crate::effect::StartAttempt;
use crate::policy::RetryPolicy;
use crate::record::{AttemptEnd, AttemptError, Awaiting, Failed, HandlerFacts, Pin, Progress, StoredFrame};

#[cfg(test)]
mod tests;

/// What the deployments know of a handler that is called.
pub trait Callees {
    /// The facts of `service/handler` for a call with or without an idempotency key; `None` if no deployment
    /// offers it.
    fn find(&self, service: &str, handler: &str, idempotent: bool) -> Option<HandlerFacts>;
}

/// What a conversation is held by.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The deployment it is held with.
    pub pin: Pin,
    /// The retry policy if it fails.
    pub policy: RetryPolicy,
    /// Silence both ways for so long asks the SDK to suspend, ms; 0 = at once after the journal was sent.
    pub inactivity_ms: u64,
    /// Silence of the SDK for so long after that ends the attempt, ms.
    pub abort_ms: u64,
    /// The longest frame, bytes.
    pub message_max: u32,
    /// Whether notifications can be sent while the SDK answers; otherwise it must suspend to hear of them.
    pub bidirectional: bool,
}

/// What the edge is to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Send these bytes in the request's body.
    Send(Bytes),
    /// End the request's body.
    HalfClose,
    /// Tell the partition.
    Store(Box<Progress>),
    /// Reset the stream: nothing of it matters any more.
    Reset,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Asked,
    Talking,
    Over,
}

/// The conversation.
pub struct Attempt {
    id: InvocationId,
    attempt: u32,
    settings: Settings,
    decoder: Decoder,
    phase: Phase,
    input_open: bool,
    quiet_since_ms: u64,
    pinned: bool,
}

impl Attempt {
    /// Begins; the actions send Start and journal, and end the request at once if nothing may follow.
    pub fn begin(start: &StartAttempt, settings: Settings, now_ms: u64) -> (Self, Vec<Action>) {
        let mut attempt = Self {
            id: start.id,
            attempt: start.attempt,
            decoder: Decoder::new(settings.message_max),
            phase: Phase::Asked,
            input_open: settings.bidirectional && settings.inactivity_ms > 0,
            quiet_since_ms: now_ms,
            pinned: start.pin.is_some(),
            settings,
        };
        let mut actions = vec![Action::Send(start.replay.clone())];
        if !attempt.input_open {
            actions.push(Action::HalfClose);
        }
        attempt.quiet_since_ms = now_ms;
        (attempt, actions)
    }

    /// The headers of the response: status, content type, and the delay asked by `retry-after`, ms.
    pub fn response(
        &mut self,
        status: u16,
        content_type: Option<&str>,
        expected_content_type: &str,
        retry_after_ms: Option<u64>,
        now_ms: u64,
    ) -> Vec<Action> {
        self.quiet_since_ms = now_ms;
        if self.phase != Phase::Asked {
            return Vec::new();
        }
        if status != 200 {
            let message = format!("the service answered with status {status}");
            return self.fail_after(error(status, message), retry_after_ms);
        }
        if content_type != Some(expected_content_type) {
            let message = format!(
                "the service answered with content type {}, not {expected_content_type}",
                content_type.unwrap_or("none")
            );
            return self.fail(error(571, message));
        }
        self.phase = Phase::Talking;
        Vec::new()
    }

    /// A piece of the response's body.
    pub fn data(&mut self, piece: Bytes, callees: &dyn Callees, now_ms: u64) -> Vec<Action> {
        self.quiet_since_ms = now_ms;
        if self.phase != Phase::Talking {
            return Vec::new();
        }
        self.decoder.push(piece);
        let mut frames = Vec::new();
        let end = loop {
            match self.decoder.next() {
                Ok(None) => break None,
                Ok(Some(frame)) => match read(frame, callees) {
                    Ok(Said::Entry(frame)) => frames.push(frame),
                    Ok(Said::Hint) => {}
                    Ok(Said::End(end)) => break Some(end),
                    Err(failure) => break Some(Ending::Failed(failure, None)),
                },
                Err(reason) => break Some(Ending::Failed(error(571, reason.to_string()), None)),
            }
        };
        match end {
            None if frames.is_empty() => Vec::new(),
            None => vec![self.store(frames, None)],
            Some(ending) => self.end(frames, ending),
        }
    }

    /// The response's body is over.
    pub fn finished(&mut self) -> Vec<Action> {
        if self.phase == Phase::Over {
            return Vec::new();
        }
        let message = if self.decoder.finish().is_err() {
            "the service closed the stream in the middle of a message"
        } else {
            "the service closed the stream without ending or suspending the invocation"
        };
        self.fail(error(571, message))
    }

    /// The connection or the stream broke.
    pub fn broken(&mut self, reason: &str) -> Vec<Action> {
        if self.phase == Phase::Over {
            return Vec::new();
        }
        self.fail(error(500, reason))
    }

    /// The journal has got a further entry; `frame` is the whole frame.
    pub fn notify(&mut self, frame: Bytes, now_ms: u64) -> Vec<Action> {
        if self.phase == Phase::Over || !self.input_open {
            return Vec::new();
        }
        self.quiet_since_ms = now_ms;
        vec![Action::Send(frame)]
    }

    /// When [`Attempt::tick`] has something to do, ms since the epoch.
    pub fn deadline_ms(&self) -> Option<u64> {
        match (&self.phase, self.input_open) {
            (Phase::Over, _) => None,
            (_, true) => Some(self.quiet_since_ms.saturating_add(self.settings.inactivity_ms)),
            (_, false) => Some(self.quiet_since_ms.saturating_add(self.settings.abort_ms)),
        }
    }

    /// Time has passed.
    pub fn tick(&mut self, now_ms: u64) -> Vec<Action> {
        if self.deadline_ms().is_none_or(|deadline| now_ms < deadline) {
            return Vec::new();
        }
        self.quiet_since_ms = now_ms;
        if self.input_open {
            self.input_open = false;
            return vec![Action::HalfClose];
        }
        let message = format!(
            "the service was silent for {} ms after it was asked to suspend",
            self.settings.abort_ms
        );
        self.fail(error(500, message))
    }

    /// Whether the partition was told how it ended.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    fn store(&mut self, frames: Vec<StoredFrame>, end: Option<AttemptEnd>) -> Action {
        let pin = if self.pinned || self.phase == Phase::Asked {
            None
        } else {
            Some(self.settings.pin.clone())
        };
        self.pinned |= pin.is_some();
        Action::Store(Box::new(Progress {
            id: self.id,
            attempt: self.attempt,
            pin,
            frames,
            end,
        }))
    }

    fn end(&mut self, frames: Vec<StoredFrame>, ending: Ending) -> Vec<Action> {
        let (end, failed) = match ending {
            Ending::Done => (AttemptEnd::Ended, false),
            Ending::Suspended(awaiting) => (AttemptEnd::Suspended(awaiting), false),
            Ending::Reported(error, retry_after_ms) => (self.failed(error, retry_after_ms), false),
            Ending::Failed(error, retry_after_ms) => (self.failed(error, retry_after_ms), true),
        };
        let mut actions = vec![self.store(frames, Some(end))];
        self.phase = Phase::Over;
        if failed {
            actions.push(Action::Reset);
        } else if self.input_open {
            self.input_open = false;
            actions.push(Action::HalfClose);
        }
        actions
    }

    fn failed(&self, error: AttemptError, retry_after_ms: Option<u64>) -> AttemptEnd {
        AttemptEnd::Failed(Failed {
            error,
            policy: self.settings.policy.clone(),
            retry_after_ms,
        })
    }

    fn fail(&mut self, error: AttemptError) -> Vec<Action> {
        self.fail_after(error, None)
    }

    fn fail_after(&mut self, error: AttemptError, retry_after_ms: Option<u64>) -> Vec<Action> {
        self.end(Vec::new(), Ending::Failed(error, retry_after_ms))
    }
}

enum Ending {
    Done,
    Suspended(Awaiting),
    /// The SDK says so itself: its stream ends in order.
    Reported(AttemptError, Option<u64>),
    Failed(AttemptError, Option<u64>),
}

enum Said {
    Entry(StoredFrame),
    Hint,
    End(Ending),
}

/// What a frame of the SDK means; `Err` if it may not say so.
fn read(frame: Frame, callees: &dyn Callees) -> Result<Said, AttemptError> {
    match frame.ty {
        MessageType::END => Ok(Said::End(Ending::Done)),
        MessageType::SUSPENSION => suspension(&frame).map(|awaiting| Said::End(Ending::Suspended(awaiting))),
        MessageType::ERROR => {
            let message: ErrorMessage = frame.message().map_err(|reason| error(571, reason.to_string()))?;
            let reported = AttemptError {
                code: u16::try_from(message.code).unwrap_or(500),
                message: message.message,
                stacktrace: message.stacktrace,
            };
            Ok(Said::End(Ending::Reported(reported, message.next_retry_delay)))
        }
        MessageType::AWAITING_ON => Ok(Said::Hint),
        MessageType::CALL_COMMAND => {
            let call: CallCommand = frame.message().map_err(|reason| error(571, reason.to_string()))?;
            let idempotent = call.idempotency_key.is_some();
            called(frame, callees, &call.service_name, &call.handler_name, idempotent)
        }
        MessageType::ONE_WAY_CALL_COMMAND => {
            let call: OneWayCallCommand = frame.message().map_err(|reason| error(571, reason.to_string()))?;
            let idempotent = call.idempotency_key.is_some();
            called(frame, callees, &call.service_name, &call.handler_name, idempotent)
        }
        ty if ty.is_command() || ty == MessageType::PROPOSE_RUN_COMPLETION => Ok(Said::Entry(StoredFrame {
            ty: ty.0,
            body: frame.body,
            callee: None,
        })),
        ty => Err(error(571, format!("{ty} is not a message a service may send"))),
    }
}

fn suspension(frame: &Frame) -> Result<Awaiting, AttemptError> {
    let message: Suspension = frame.message().map_err(|reason| error(571, reason.to_string()))?;
    // The tree in `future` belongs to V7; the versions spoken here list what is waited for.
    if (Suspension {
        future: None,
        ..message.clone()
    })
    .is_empty()
    {
        return Err(error(
            571,
            "the service suspended without saying what it waits for",
        ));
    }
    Ok(Awaiting {
        completions: message.waiting_completions,
        signals: message.waiting_signals,
        named_signals: message.waiting_named_signals,
    })
}

fn called(
    frame: Frame,
    callees: &dyn Callees,
    service: &str,
    handler: &str,
    idempotent: bool,
) -> Result<Said, AttemptError> {
    let Some(facts) = callees.find(service, handler, idempotent) else {
        return Err(error(
            404,
            format!("the call of {service}/{handler}: no deployment offers it"),
        ));
    };
    Ok(Said::Entry(StoredFrame {
        ty: frame.ty.0,
        body: frame.body,
        callee: Some(facts),
    }))
}

fn error(code: u16, message: impl Into<String>) -> AttemptError {
    AttemptError {
        code,
        message: message.into(),
        stacktrace: String::new(),
    }
}
