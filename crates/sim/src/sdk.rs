//! A service: runs the program of an invocation from its beginning whenever something new has arrived, against the
//! journal known so far, as an SDK would after a replay.

use std::collections::BTreeSet;

use bytes::Bytes;
use everspan_protocol::frame::{Decoder, Frame, MessageType, encode_message};
use everspan_protocol::ids::{AwakeableId, FIRST_AWAKEABLE_SIGNAL, InvocationId};
use everspan_protocol::message as wire;
use everspan_protocol::message::{Notification, NotificationId, NotificationResult};
use prost::Message;

use crate::outside::Outside;
use crate::program::{Callee, HANDLER, Program, Step, target};

const COUNT: &[u8] = b"count";
const SIGNAL: &str = "number";

/// Why a program stops before its result.
enum Stop {
    Blocked,
    Terminal(wire::Failure),
}

/// One conversation, seen from the service.
pub(crate) struct Sdk {
    decoder: Decoder,
    start: wire::Start,
    frames_to_come: Option<u32>,
    commands: Vec<Frame>,
    notifications: Vec<Notification>,
    proposed: BTreeSet<u32>,
    closed: bool,
    over: bool,
    out: Vec<u8>,
    run: Run,
}

/// One run through the program.
#[derive(Default)]
struct Run {
    commands: usize,
    completions: u32,
    awakeables: u32,
    calls: Vec<u32>,
    waits: wire::Suspension,
    result: String,
}

impl Sdk {
    pub(crate) fn new() -> Self {
        Self {
            decoder: Decoder::new(1 << 24),
            start: wire::Start::default(),
            frames_to_come: None,
            commands: Vec::new(),
            notifications: Vec::new(),
            proposed: BTreeSet::new(),
            closed: false,
            over: false,
            out: Vec::new(),
            run: Run::default(),
        }
    }

    /// Bytes of the request arrive; `None`: it is over. Returns what the service sends, and whether it is done.
    pub(crate) fn input(&mut self, piece: Option<Bytes>, outside: &mut Outside) -> (Vec<u8>, bool) {
        match piece {
            Some(piece) => self.decoder.push(piece),
            None => self.closed = true,
        }
        while let Some(frame) = self.decoder.next().expect("the runtime sends frames") {
            self.take(frame, outside);
        }
        if !self.over && self.frames_to_come == Some(0) {
            self.run = Run::default();
            self.run_program(outside);
        }
        (std::mem::take(&mut self.out), self.over)
    }

    fn take(&mut self, frame: Frame, outside: &mut Outside) {
        let Some(to_come) = self.frames_to_come else {
            self.start = frame.message().expect("the first frame is Start");
            self.frames_to_come = Some(self.start.known_entries);
            return;
        };
        self.frames_to_come = Some(to_come.saturating_sub(1));
        if frame.ty.is_command() {
            self.commands.push(frame);
            return;
        }
        let notification: Notification = frame.message().expect("a notification");
        if let (MessageType::RUN_NOTIFICATION, Some(NotificationId::CompletionId(id))) =
            (frame.ty, &notification.id)
        {
            outside.run_delivered(self.id(), *id);
        }
        self.notifications.push(notification);
    }

    fn id(&self) -> InvocationId {
        InvocationId::try_from(&self.start.id[..]).expect("Start holds an id")
    }

    fn run_program(&mut self, outside: &mut Outside) {
        let input: wire::InputCommand = self.commands[0].message().expect("entry 0 is the input");
        let program = Program::decode(&input.value.expect("an argument").content);
        self.run.commands = 1;
        let ended = self.steps(&program.steps, outside);
        match ended {
            Ok(()) if program.fails => {
                let failure = wire::Failure::new(500, format!("as told {}", self.run.result));
                self.output(wire::OutputResult::Failure(failure));
            }
            Ok(()) => {
                let content = Bytes::from(std::mem::take(&mut self.run.result));
                self.output(wire::OutputResult::Value(wire::Value { content }));
            }
            Err(Stop::Terminal(failure)) => self.output(wire::OutputResult::Failure(failure)),
            Err(Stop::Blocked) if self.closed => {
                self.run.waits.waiting_signals.push(1);
                let waits = std::mem::take(&mut self.run.waits);
                encode_message(MessageType::SUSPENSION, &waits, &mut self.out);
                self.over = true;
            }
            Err(Stop::Blocked) => {}
        }
    }

    fn output(&mut self, result: wire::OutputResult) {
        let output = wire::OutputCommand {
            result: Some(result),
            name: String::new(),
        };
        self.command(MessageType::OUTPUT_COMMAND, &output);
        encode_message(MessageType::END, &wire::End {}, &mut self.out);
        self.over = true;
    }

    fn steps(&mut self, steps: &[Step], outside: &mut Outside) -> Result<(), Stop> {
        steps.iter().try_for_each(|step| self.step(step, outside))
    }

    fn step(&mut self, step: &Step, outside: &mut Outside) -> Result<(), Stop> {
        let is_object = !self.start.key.is_empty();
        match step {
            Step::Run => self.side_effect(outside),
            Step::Sleep(ms) => self.sleep(*ms, outside),
            Step::Add if is_object => {
                let count = self.get()?;
                self.set(count + 1);
                Ok(())
            }
            Step::Look if is_object => {
                let count = self.get()?;
                self.run.result += &format!("{count};");
                Ok(())
            }
            Step::Add | Step::Look => Ok(()),
            Step::Call(callee) => {
                let result = self.call(callee);
                self.await_call(result)
            }
            Step::CallThen(callee, steps) => {
                let result = self.call(callee);
                self.steps(steps, outside)?;
                self.await_call(result)
            }
            Step::Send(callee, delay_ms) => self.send(callee, *delay_ms, outside),
            Step::Feed(callee, numbers) => self.feed(callee, *numbers),
            Step::Listen(numbers) => (0..*numbers).try_for_each(|number| self.listen(number)),
            Step::Awakeable => {
                let signal = FIRST_AWAKEABLE_SIGNAL + self.run.awakeables;
                self.run.awakeables += 1;
                let invocation = self.id();
                outside.awakeable(AwakeableId { invocation, signal });
                self.wait(NotificationId::SignalIndex(signal)).map(|_| ())
            }
        }
    }

    /// The next command: replayed, or sent now.
    fn command(&mut self, ty: MessageType, message: &impl Message) -> Frame {
        let index = self.run.commands;
        self.run.commands += 1;
        if let Some(known) = self.commands.get(index) {
            assert_eq!(known.ty, ty, "the journal of {} at command {index}", self.id());
        } else {
            encode_message(ty, message, &mut self.out);
            self.commands.push(Frame::new(ty, message.encode_to_vec()));
        }
        self.commands[index].clone()
    }

    fn completion_id(&mut self) -> u32 {
        self.run.completions += 1;
        self.run.completions
    }

    fn position(&self, id: &NotificationId, nth: usize) -> Option<usize> {
        let notifications = self.notifications.iter().enumerate();
        let mut its = notifications.filter(|(_, notification)| notification.id.as_ref() == Some(id));
        its.nth(nth).map(|(at, _)| at)
    }

    /// Waits; a cancellation that came first cancels the calls under way and ends the handler.
    fn wait(&mut self, id: NotificationId) -> Result<NotificationResult, Stop> {
        self.wait_nth(id, 0)
    }

    /// Waits for the `nth` (from 0) notification of this id.
    fn wait_nth(&mut self, id: NotificationId, nth: usize) -> Result<NotificationResult, Stop> {
        let at = self.position(&id, nth);
        let cancelled = self.position(&NotificationId::SignalIndex(1), 0);
        if let Some(cancelled) = cancelled
            && at.is_none_or(|at| cancelled < at)
        {
            return Err(self.cancelled());
        }
        self.wait_uncancelled(id, nth)
    }

    fn wait_uncancelled(&mut self, id: NotificationId, nth: usize) -> Result<NotificationResult, Stop> {
        if let Some(at) = self.position(&id, nth) {
            return Ok(self.notifications[at].result.clone().expect("a result"));
        }
        match id {
            NotificationId::CompletionId(id) => self.run.waits.waiting_completions.push(id),
            NotificationId::SignalIndex(index) => self.run.waits.waiting_signals.push(index),
            NotificationId::SignalName(name) => self.run.waits.waiting_named_signals.push(name),
        }
        Err(Stop::Blocked)
    }

    fn cancelled(&mut self) -> Stop {
        for callee in std::mem::take(&mut self.run.calls) {
            let target_invocation_id = match self.wait_uncancelled(NotificationId::CompletionId(callee), 0) {
                Ok(NotificationResult::InvocationId(id)) => id,
                Ok(other) => panic!("the id of a callee is {other:?}"),
                Err(stop) => return stop,
            };
            let cancel = wire::SendSignalCommand {
                target_invocation_id,
                signal_id: Some(wire::SignalId::Index(1)),
                result: Some(wire::SignalResult::Void(wire::Void {})),
                name: String::new(),
            };
            self.command(MessageType::SEND_SIGNAL_COMMAND, &cancel);
        }
        Stop::Terminal(wire::Failure::new(409, "cancelled"))
    }

    fn side_effect(&mut self, outside: &mut Outside) -> Result<(), Stop> {
        let id = self.completion_id();
        let run = wire::RunCommand {
            result_completion_id: id,
            name: "effect".into(),
        };
        self.command(MessageType::RUN_COMMAND, &run);
        let known = self.position(&NotificationId::CompletionId(id), 0).is_some();
        if !known && self.proposed.insert(id) {
            let drawn = outside.run_executed(self.id(), id);
            let proposal = wire::ProposeRunCompletion {
                result_completion_id: id,
                result: Some(wire::RunProposal::Value(drawn.into())),
            };
            encode_message(MessageType::PROPOSE_RUN_COMPLETION, &proposal, &mut self.out);
        }
        match self.wait(NotificationId::CompletionId(id))? {
            NotificationResult::Value(value) => {
                self.run.result += &String::from_utf8_lossy(&value.content);
                Ok(())
            }
            other => panic!("the result of a run is {other:?}"),
        }
    }

    fn sleep(&mut self, ms: u64, outside: &Outside) -> Result<(), Stop> {
        let id = self.completion_id();
        let sleep = wire::SleepCommand {
            wake_up_time: outside.now_ms + ms,
            result_completion_id: id,
            name: String::new(),
        };
        let sleep: wire::SleepCommand = self
            .command(MessageType::SLEEP_COMMAND, &sleep)
            .message()
            .expect("a Sleep");
        self.wait(NotificationId::CompletionId(id))?;
        assert!(
            outside.now_ms >= sleep.wake_up_time,
            "a sleep until {} of {} ended at {}",
            sleep.wake_up_time,
            self.id(),
            outside.now_ms
        );
        Ok(())
    }

    fn get(&mut self) -> Result<u64, Stop> {
        let known = self.commands.get(self.run.commands).map(|frame| frame.ty);
        let eager = self.start.state_map.iter().find(|entry| entry.key == COUNT);
        let is_eager = match known {
            Some(ty) => ty == MessageType::GET_EAGER_STATE_COMMAND,
            None => !self.has_set() && (eager.is_some() || !self.start.partial_state),
        };
        if is_eager {
            let result = match eager {
                Some(entry) => wire::EagerState::Value(wire::Value {
                    content: entry.value.clone(),
                }),
                None => wire::EagerState::Void(wire::Void {}),
            };
            let get = wire::GetEagerStateCommand {
                key: COUNT.into(),
                result: Some(result),
                name: String::new(),
            };
            let got: wire::GetEagerStateCommand = self
                .command(MessageType::GET_EAGER_STATE_COMMAND, &get)
                .message()
                .expect("a GetEagerState");
            return Ok(match got.result {
                Some(wire::EagerState::Value(value)) => number(&value.content),
                _ => 0,
            });
        }
        let id = self.completion_id();
        let get = wire::GetLazyStateCommand {
            key: COUNT.into(),
            result_completion_id: id,
            name: String::new(),
        };
        self.command(MessageType::GET_LAZY_STATE_COMMAND, &get);
        match self.wait(NotificationId::CompletionId(id))? {
            NotificationResult::Value(value) => Ok(number(&value.content)),
            _ => Ok(0),
        }
    }

    /// Whether the state map of Start is older than what this invocation wrote since.
    fn has_set(&self) -> bool {
        let mut commands = self.commands[..self.run.commands].iter();
        commands.any(|frame| frame.ty == MessageType::SET_STATE_COMMAND)
    }

    fn set(&mut self, count: u64) {
        let set = wire::SetStateCommand {
            key: COUNT.into(),
            value: Some(wire::Value {
                content: count.to_string().into(),
            }),
            name: String::new(),
        };
        self.command(MessageType::SET_STATE_COMMAND, &set);
    }

    fn feed(&mut self, callee: &Callee, numbers: u8) -> Result<(), Stop> {
        let result = self.call(callee);
        let target = match self.wait(NotificationId::CompletionId(result - 1))? {
            NotificationResult::InvocationId(id) => id,
            other => panic!("the id of a callee is {other:?}"),
        };
        for number in 0..numbers {
            let tell = wire::SendSignalCommand {
                target_invocation_id: target.clone(),
                signal_id: Some(wire::SignalId::Name(SIGNAL.into())),
                result: Some(wire::SignalResult::Value(wire::Value {
                    content: number.to_string().into(),
                })),
                name: String::new(),
            };
            self.command(MessageType::SEND_SIGNAL_COMMAND, &tell);
        }
        self.await_call(result)
    }

    fn listen(&mut self, number: u8) -> Result<(), Stop> {
        let id = NotificationId::SignalName(SIGNAL.into());
        let NotificationResult::Value(value) = self.wait_nth(id, usize::from(number))? else {
            panic!("signals carry numbers");
        };
        assert_eq!(
            value.content,
            number.to_string(),
            "signals arrive once and in order"
        );
        Ok(())
    }

    fn call(&mut self, callee: &Callee) -> u32 {
        let (id, result) = (self.completion_id(), self.completion_id());
        let (service_name, key) = target(callee);
        let call = wire::CallCommand {
            service_name,
            handler_name: HANDLER.into(),
            parameter: callee.program.encode().into(),
            key,
            idempotency_key: callee.idempotency_key.map(|key| format!("i{key}")),
            invocation_id_completion_id: id,
            result_completion_id: result,
            ..wire::CallCommand::default()
        };
        self.command(MessageType::CALL_COMMAND, &call);
        self.run.calls.push(id);
        result
    }

    fn await_call(&mut self, result: u32) -> Result<(), Stop> {
        let text = match self.wait(NotificationId::CompletionId(result))? {
            NotificationResult::Value(value) => String::from_utf8_lossy(&value.content).into_owned(),
            NotificationResult::Failure(failure) => failure.message,
            other => panic!("the result of a call is {other:?}"),
        };
        self.run.result += &format!("({text})");
        Ok(())
    }

    fn send(&mut self, callee: &Callee, delay_ms: u64, outside: &Outside) -> Result<(), Stop> {
        let id = self.completion_id();
        let (service_name, key) = target(callee);
        let send = wire::OneWayCallCommand {
            service_name,
            handler_name: HANDLER.into(),
            parameter: callee.program.encode().into(),
            key,
            invoke_time: if delay_ms == 0 {
                0
            } else {
                outside.now_ms + delay_ms
            },
            idempotency_key: callee.idempotency_key.map(|key| format!("i{key}")),
            invocation_id_completion_id: id,
            ..wire::OneWayCallCommand::default()
        };
        self.command(MessageType::ONE_WAY_CALL_COMMAND, &send);
        Ok(())
    }
}

fn number(bytes: &[u8]) -> u64 {
    String::from_utf8_lossy(bytes).parse().expect("a count")
}
