//! A small SDK: handlers are plain functions that are run again from their beginning whenever something new has
//! arrived, against the journal known so far.

use std::collections::BTreeMap;

use bytes::Bytes;
use everspan_protocol::frame::{Decoder, Frame, MessageType, encode_message};
use everspan_protocol::ids::{AwakeableId, FIRST_AWAKEABLE_SIGNAL, InvocationId};
use everspan_protocol::message as wire;
use everspan_protocol::message::{Notification, NotificationId, NotificationResult};
use prost::Message;

use crate::stop::Stop;

/// A handler: the result is a value.
pub(crate) type Handler = fn(&mut Ctx) -> Result<String, Stop>;

/// What the service does next.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// Bytes of the response.
    Bytes(Vec<u8>),
    /// The response's body is over.
    Eof,
    /// The stream broke.
    Broken,
}

/// One conversation, seen from the service.
pub(crate) struct Sdk {
    handler: Handler,
    decoder: Decoder,
    ctx: Ctx,
    over: bool,
}

/// What a handler sees.
pub(crate) struct Ctx {
    pub(crate) start: wire::Start,
    commands: Vec<Frame>,
    frames_to_come: u32,
    started: bool,
    notifications: Vec<Notification>,
    proposed: BTreeMap<u32, ()>,
    closed: bool,
    out: Vec<u8>,
    // of this run of the function
    cursor: usize,
    next_completion: u32,
    next_signal: u32,
    waits: wire::Suspension,
    now_ms: u64,
    /// Calls of closures so far, over all attempts of all invocations.
    pub(crate) side_effects: u32,
}

impl Sdk {
    pub(crate) fn new(handler: Handler) -> Self {
        Self {
            handler,
            decoder: Decoder::new(1 << 24),
            ctx: Ctx {
                start: wire::Start::default(),
                commands: Vec::new(),
                frames_to_come: 0,
                started: false,
                notifications: Vec::new(),
                proposed: BTreeMap::new(),
                closed: false,
                out: Vec::new(),
                cursor: 0,
                next_completion: 1,
                next_signal: FIRST_AWAKEABLE_SIGNAL,
                waits: wire::Suspension::default(),
                now_ms: 0,
                side_effects: 0,
            },
            over: false,
        }
    }

    /// Bytes of the request arrive; `None`: it is over. Returns what the service says.
    pub(crate) fn input(&mut self, piece: Option<Bytes>, now_ms: u64, side_effects: &mut u32) -> Vec<Said> {
        match piece {
            Some(piece) => self.decoder.push(piece),
            None => self.ctx.closed = true,
        }
        while let Some(frame) = self.decoder.next().expect("the runtime sends frames") {
            self.ctx.take(frame);
        }
        if self.over || !self.ctx.started || self.ctx.frames_to_come > 0 {
            return Vec::new();
        }
        self.ctx.side_effects = *side_effects;
        self.ctx.now_ms = now_ms;
        let said = self.run();
        *side_effects = self.ctx.side_effects;
        said
    }

    fn run(&mut self) -> Vec<Said> {
        let ctx = &mut self.ctx;
        ctx.cursor = 0;
        ctx.next_completion = 1;
        ctx.next_signal = FIRST_AWAKEABLE_SIGNAL;
        ctx.waits = wire::Suspension::default();
        let result = (self.handler)(ctx);
        let mut end = vec![Said::Eof];
        let ended = match result {
            Ok(value) => ctx.output(wire::OutputResult::Value(wire::Value {
                content: value.into(),
            })),
            Err(Stop::Terminal(failure)) => ctx.output(wire::OutputResult::Failure(failure)),
            Err(Stop::Blocked) if !ctx.closed => {
                end.clear();
                false
            }
            Err(Stop::Blocked) => {
                ctx.waits.waiting_signals.push(1);
                encode_message(MessageType::SUSPENSION, &ctx.waits, &mut ctx.out);
                true
            }
            Err(Stop::Fail(error)) => {
                encode_message(MessageType::ERROR, &error, &mut ctx.out);
                true
            }
            Err(Stop::Garbage(bytes)) => {
                ctx.out.extend_from_slice(&bytes);
                true
            }
            Err(Stop::Break) => {
                end = vec![Said::Broken];
                true
            }
        };
        self.over = ended;
        let mut said = Vec::new();
        if !ctx.out.is_empty() {
            said.push(Said::Bytes(std::mem::take(&mut ctx.out)));
        }
        said.extend(end);
        said
    }
}

impl Ctx {
    fn take(&mut self, frame: Frame) {
        if frame.ty == MessageType::START {
            self.start = frame.message().expect("a Start");
            self.frames_to_come = self.start.known_entries;
            self.started = true;
            return;
        }
        self.frames_to_come = self.frames_to_come.saturating_sub(1);
        if frame.ty.is_command() {
            self.commands.push(frame);
        } else {
            self.notifications.push(frame.message().expect("a notification"));
        }
    }

    fn output(&mut self, result: wire::OutputResult) -> bool {
        let output = wire::OutputCommand {
            result: Some(result),
            name: String::new(),
        };
        self.command(MessageType::OUTPUT_COMMAND, &output);
        encode_message(MessageType::END, &wire::End {}, &mut self.out);
        true
    }

    /// A custom command: progress without any effect.
    pub(crate) fn set_nothing(&mut self) {
        self.command(MessageType(0xfc01), &wire::Void {});
    }

    /// The result, without the End that belongs to it.
    pub(crate) fn output_only(&mut self, value: &'static str) {
        let content = Bytes::from_static(value.as_bytes());
        let output = wire::OutputCommand {
            result: Some(wire::OutputResult::Value(wire::Value { content })),
            name: String::new(),
        };
        self.command(MessageType::OUTPUT_COMMAND, &output);
    }

    /// The next command: replayed, or sent now.
    pub(crate) fn command(&mut self, ty: MessageType, message: &impl Message) -> Frame {
        if self.cursor == 0 {
            self.cursor = 1;
        }
        if let Some(known) = self.commands.get(self.cursor) {
            assert_eq!(known.ty, ty, "journal mismatch at command {}", self.cursor);
        } else {
            encode_message(ty, message, &mut self.out);
            self.commands.push(Frame::new(ty, message.encode_to_vec()));
        }
        self.cursor += 1;
        self.commands[self.cursor - 1].clone()
    }

    pub(crate) fn completion_id(&mut self) -> u32 {
        self.next_completion += 1;
        self.next_completion - 1
    }

    fn position(&self, id: &NotificationId) -> Option<usize> {
        self.notifications
            .iter()
            .position(|notification| notification.id.as_ref() == Some(id))
    }

    /// Waits for a completion or signal; a cancellation that came before it wins.
    pub(crate) fn wait(&mut self, id: NotificationId) -> Result<NotificationResult, Stop> {
        let at = self.position(&id);
        let cancelled = self.position(&NotificationId::SignalIndex(1));
        if let Some(cancelled) = cancelled
            && at.is_none_or(|at| cancelled < at)
        {
            return Err(Stop::Terminal(wire::Failure::new(409, "cancelled")));
        }
        if let Some(at) = at {
            return Ok(self.notifications[at].result.clone().expect("a result"));
        }
        match id {
            NotificationId::CompletionId(id) => self.waits.waiting_completions.push(id),
            NotificationId::SignalIndex(index) => self.waits.waiting_signals.push(index),
            NotificationId::SignalName(name) => self.waits.waiting_named_signals.push(name),
        }
        Err(Stop::Blocked)
    }

    /// As [`Ctx::wait`], the result as text; a failure ends the handler.
    pub(crate) fn value(&mut self, id: NotificationId) -> Result<String, Stop> {
        match self.wait(id)? {
            NotificationResult::Value(value) => Ok(text(&value.content)),
            NotificationResult::Failure(failure) => Err(Stop::Terminal(failure)),
            NotificationResult::InvocationId(id) => Ok(id),
            NotificationResult::Void(_) => Ok(String::new()),
            NotificationResult::StateKeys(keys) => Ok(keys
                .keys
                .iter()
                .map(|key| text(key))
                .collect::<Vec<_>>()
                .join(",")),
        }
    }

    pub(crate) fn input(&self) -> String {
        let input: wire::InputCommand = self.commands[0].message().expect("an Input");
        text(&input.value.expect("an argument").content)
    }

    pub(crate) fn run(&mut self, closure: impl FnOnce(u32) -> String) -> Result<String, Stop> {
        let id = self.completion_id();
        let run = wire::RunCommand {
            result_completion_id: id,
            name: "effect".into(),
        };
        self.command(MessageType::RUN_COMMAND, &run);
        let known = self.position(&NotificationId::CompletionId(id)).is_some();
        if !known && self.proposed.insert(id, ()).is_none() {
            self.side_effects += 1;
            let proposal = wire::ProposeRunCompletion {
                result_completion_id: id,
                result: Some(wire::RunProposal::Value(closure(self.side_effects).into())),
            };
            encode_message(MessageType::PROPOSE_RUN_COMPLETION, &proposal, &mut self.out);
        }
        self.value(NotificationId::CompletionId(id))
    }

    /// The values of all signals of a name so far.
    pub(crate) fn signals(&self, name: &str) -> Vec<String> {
        let id = Some(NotificationId::SignalName(name.into()));
        let its = self
            .notifications
            .iter()
            .filter(|notification| notification.id == id);
        its.map(|notification| match &notification.result {
            Some(NotificationResult::Value(value)) => text(&value.content),
            other => panic!("{other:?}"),
        })
        .collect()
    }

    /// Waits for just this.
    pub(crate) fn waits<T>(&mut self, waits: wire::Suspension) -> Result<T, Stop> {
        self.waits = waits;
        Err(Stop::Blocked)
    }

    /// As [`Ctx::value`], deaf to a cancellation.
    pub(crate) fn value_uncancelled(&mut self, id: NotificationId) -> Result<String, Stop> {
        let is_cancel = |notification: &Notification| notification.id == Some(NotificationId::SignalIndex(1));
        let (cancels, others) = self.notifications.iter().cloned().partition(is_cancel);
        self.notifications = others;
        let value = self.value(id);
        let cancels: Vec<Notification> = cancels;
        self.notifications.splice(0..0, cancels);
        value
    }

    pub(crate) fn sleep_command(&mut self, ms: u64) -> u32 {
        self.sleep_until(self.now_ms + ms).0
    }

    fn sleep_until(&mut self, wake_up_time: u64) -> (u32, u64) {
        let id = self.completion_id();
        let sleep = wire::SleepCommand {
            wake_up_time,
            result_completion_id: id,
            name: String::new(),
        };
        let sent: wire::SleepCommand = self
            .command(MessageType::SLEEP_COMMAND, &sleep)
            .message()
            .expect("a Sleep");
        (id, sent.wake_up_time)
    }

    pub(crate) fn sleep(&mut self, ms: u64) -> Result<(), Stop> {
        let (id, wake_up_time) = self.sleep_until(self.now_ms + ms);
        self.value(NotificationId::CompletionId(id))?;
        assert!(self.now_ms >= wake_up_time, "a sleep ended early");
        Ok(())
    }

    /// Sends a call; returns the completion ids of callee id and result.
    pub(crate) fn call(&mut self, service: &str, key: &str, handler: &str, argument: &str) -> (u32, u32) {
        let (callee, result) = (self.completion_id(), self.completion_id());
        let call = wire::CallCommand {
            service_name: service.into(),
            handler_name: handler.into(),
            parameter: Bytes::copy_from_slice(argument.as_bytes()),
            key: key.into(),
            invocation_id_completion_id: callee,
            result_completion_id: result,
            ..wire::CallCommand::default()
        };
        self.command(MessageType::CALL_COMMAND, &call);
        (callee, result)
    }

    pub(crate) fn send(&mut self, service: &str, key: &str, handler: &str, at_ms: u64) -> u32 {
        let callee = self.completion_id();
        let send = wire::OneWayCallCommand {
            service_name: service.into(),
            handler_name: handler.into(),
            key: key.into(),
            invoke_time: at_ms,
            invocation_id_completion_id: callee,
            ..wire::OneWayCallCommand::default()
        };
        self.command(MessageType::ONE_WAY_CALL_COMMAND, &send);
        callee
    }

    /// The id of the next awakeable and the signal it arrives by.
    pub(crate) fn awakeable(&mut self) -> (AwakeableId, NotificationId) {
        let signal = self.next_signal;
        self.next_signal += 1;
        let invocation = InvocationId::try_from(&self.start.id[..]).expect("an id");
        (
            AwakeableId { invocation, signal },
            NotificationId::SignalIndex(signal),
        )
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    pub(crate) fn set(&mut self, key: &str, value: &str) {
        let set = wire::SetStateCommand {
            key: Bytes::copy_from_slice(key.as_bytes()),
            value: Some(wire::Value {
                content: Bytes::copy_from_slice(value.as_bytes()),
            }),
            name: String::new(),
        };
        self.command(MessageType::SET_STATE_COMMAND, &set);
    }

    /// A value of the state as an SDK reads it: what the journal says, else from the map, else asked for.
    pub(crate) fn get(&mut self, key: &str) -> Result<String, Stop> {
        let eager = self
            .start
            .state_map
            .iter()
            .find(|entry| entry.key == key.as_bytes());
        let value = eager.map(|entry| entry.value.clone());
        let known = self.commands.get(self.cursor.max(1)).map(|frame| frame.ty);
        let is_eager = match known {
            Some(ty) => ty == MessageType::GET_EAGER_STATE_COMMAND,
            None => value.is_some() || !self.start.partial_state,
        };
        if !is_eager {
            let id = self.completion_id();
            let get = wire::GetLazyStateCommand {
                key: Bytes::copy_from_slice(key.as_bytes()),
                result_completion_id: id,
                name: String::new(),
            };
            self.command(MessageType::GET_LAZY_STATE_COMMAND, &get);
            return self.value(NotificationId::CompletionId(id));
        }
        let get = wire::GetEagerStateCommand {
            key: Bytes::copy_from_slice(key.as_bytes()),
            result: Some(match value {
                Some(content) => wire::EagerState::Value(wire::Value { content }),
                None => wire::EagerState::Void(wire::Void {}),
            }),
            name: String::new(),
        };
        let stored: wire::GetEagerStateCommand = self
            .command(MessageType::GET_EAGER_STATE_COMMAND, &get)
            .message()
            .expect("a GetEagerState");
        Ok(match stored.result {
            Some(wire::EagerState::Value(value)) => text(&value.content),
            _ => String::new(),
        })
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
