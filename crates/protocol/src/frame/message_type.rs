//! The type codes of all messages and the ranges they fall into.
//!
//! ```text
//! 0x0000 control  0x0400 commands  0x8000 notifications  0xFC00 custom commands  0xFFFF
//! ```

use std::fmt;

/// The type code of a frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageType(pub u16);

/// Control frames.
impl MessageType {
    /// Begins an attempt; runtime to SDK.
    pub const START: Self = Self(0x0000);
    /// The SDK waits and lets the attempt end.
    pub const SUSPENSION: Self = Self(0x0001);
    /// The attempt failed and may be repeated.
    pub const ERROR: Self = Self(0x0002);
    /// The invocation is done.
    pub const END: Self = Self(0x0003);
    /// Acknowledges a command that asked for it; runtime to SDK.
    pub const COMMAND_ACK: Self = Self(0x0004);
    /// The SDK proposes the result of a run.
    pub const PROPOSE_RUN_COMPLETION: Self = Self(0x0005);
    /// The SDK tells what it waits for (V7).
    pub const AWAITING_ON: Self = Self(0x0006);
    /// Acknowledges a stored proposal; runtime to SDK (V7).
    pub const PROPOSE_RUN_COMPLETION_ACK: Self = Self(0x0007);
}

/// Commands.
impl MessageType {
    /// The request of the invocation; entry 0 of the journal.
    pub const INPUT_COMMAND: Self = Self(0x0400);
    /// The result of the invocation.
    pub const OUTPUT_COMMAND: Self = Self(0x0401);
    /// Asks for one value of state.
    pub const GET_LAZY_STATE_COMMAND: Self = Self(0x0402);
    /// Writes one value of state.
    pub const SET_STATE_COMMAND: Self = Self(0x0403);
    /// Removes one value of state.
    pub const CLEAR_STATE_COMMAND: Self = Self(0x0404);
    /// Removes all state of the key.
    pub const CLEAR_ALL_STATE_COMMAND: Self = Self(0x0405);
    /// Asks for the names of all values of state.
    pub const GET_LAZY_STATE_KEYS_COMMAND: Self = Self(0x0406);
    /// Tells which value was read from the state map of `Start`.
    pub const GET_EAGER_STATE_COMMAND: Self = Self(0x0407);
    /// Tells which keys were read from the state map of `Start`.
    pub const GET_EAGER_STATE_KEYS_COMMAND: Self = Self(0x0408);
    /// Waits for a promise of the workflow.
    pub const GET_PROMISE_COMMAND: Self = Self(0x0409);
    /// Looks at a promise of the workflow.
    pub const PEEK_PROMISE_COMMAND: Self = Self(0x040A);
    /// Completes a promise of the workflow.
    pub const COMPLETE_PROMISE_COMMAND: Self = Self(0x040B);
    /// Starts a timer.
    pub const SLEEP_COMMAND: Self = Self(0x040C);
    /// Calls a handler and wants its result.
    pub const CALL_COMMAND: Self = Self(0x040D);
    /// Sends to a handler, now or later.
    pub const ONE_WAY_CALL_COMMAND: Self = Self(0x040E);
    /// Sends a signal to an invocation.
    pub const SEND_SIGNAL_COMMAND: Self = Self(0x0410);
    /// Runs a closure in the SDK whose result is kept.
    pub const RUN_COMMAND: Self = Self(0x0411);
    /// Waits for the result of another invocation.
    pub const ATTACH_INVOCATION_COMMAND: Self = Self(0x0412);
    /// Asks for the result of another invocation.
    pub const GET_INVOCATION_OUTPUT_COMMAND: Self = Self(0x0413);
    /// Completes an awakeable of any invocation.
    pub const COMPLETE_AWAKEABLE_COMMAND: Self = Self(0x0414);
}

/// Notifications; runtime to SDK.
impl MessageType {
    /// Answers [`Self::GET_LAZY_STATE_COMMAND`].
    pub const GET_LAZY_STATE_NOTIFICATION: Self = Self(0x8002);
    /// Answers [`Self::GET_LAZY_STATE_KEYS_COMMAND`].
    pub const GET_LAZY_STATE_KEYS_NOTIFICATION: Self = Self(0x8006);
    /// Answers [`Self::GET_PROMISE_COMMAND`].
    pub const GET_PROMISE_NOTIFICATION: Self = Self(0x8009);
    /// Answers [`Self::PEEK_PROMISE_COMMAND`].
    pub const PEEK_PROMISE_NOTIFICATION: Self = Self(0x800A);
    /// Answers [`Self::COMPLETE_PROMISE_COMMAND`].
    pub const COMPLETE_PROMISE_NOTIFICATION: Self = Self(0x800B);
    /// Answers [`Self::SLEEP_COMMAND`].
    pub const SLEEP_NOTIFICATION: Self = Self(0x800C);
    /// The result of a call.
    pub const CALL_NOTIFICATION: Self = Self(0x800D);
    /// The invocation id of a call or a send.
    pub const CALL_INVOCATION_ID_NOTIFICATION: Self = Self(0x800E);
    /// The stored result of a run.
    pub const RUN_NOTIFICATION: Self = Self(0x8011);
    /// Answers [`Self::ATTACH_INVOCATION_COMMAND`].
    pub const ATTACH_INVOCATION_NOTIFICATION: Self = Self(0x8012);
    /// Answers [`Self::GET_INVOCATION_OUTPUT_COMMAND`].
    pub const GET_INVOCATION_OUTPUT_NOTIFICATION: Self = Self(0x8013);
    /// A signal arrived.
    pub const SIGNAL_NOTIFICATION: Self = Self(0xFBFF);
}

impl MessageType {
    const FIRST_COMMAND: u16 = 0x0400;
    const FIRST_NOTIFICATION: u16 = 0x8000;
    const FIRST_CUSTOM: u16 = 0xFC00;

    /// Whether the frame steers the attempt and is never a journal entry.
    pub const fn is_control(self) -> bool {
        self.0 < Self::FIRST_COMMAND
    }

    /// Whether the frame is a command. Custom commands are commands.
    pub const fn is_command(self) -> bool {
        (Self::FIRST_COMMAND <= self.0 && self.0 < Self::FIRST_NOTIFICATION) || self.is_custom()
    }

    /// Whether the frame is a notification.
    pub const fn is_notification(self) -> bool {
        Self::FIRST_NOTIFICATION <= self.0 && self.0 < Self::FIRST_CUSTOM
    }

    /// Whether the frame is a command that only SDKs understand: stored and replayed as it is.
    pub const fn is_custom(self) -> bool {
        Self::FIRST_CUSTOM <= self.0
    }

    /// Whether the type has a meaning: a custom command, or one with a [`Self::name`].
    pub const fn is_known(self) -> bool {
        self.is_custom() || self.name().is_some()
    }

    /// The notification that carries the result of this command; `None` if no answer is due.
    pub const fn result_notification(self) -> Option<Self> {
        match self {
            Self::GET_LAZY_STATE_COMMAND => Some(Self::GET_LAZY_STATE_NOTIFICATION),
            Self::GET_LAZY_STATE_KEYS_COMMAND => Some(Self::GET_LAZY_STATE_KEYS_NOTIFICATION),
            Self::GET_PROMISE_COMMAND => Some(Self::GET_PROMISE_NOTIFICATION),
            Self::PEEK_PROMISE_COMMAND => Some(Self::PEEK_PROMISE_NOTIFICATION),
            Self::COMPLETE_PROMISE_COMMAND => Some(Self::COMPLETE_PROMISE_NOTIFICATION),
            Self::SLEEP_COMMAND => Some(Self::SLEEP_NOTIFICATION),
            Self::CALL_COMMAND => Some(Self::CALL_NOTIFICATION),
            Self::RUN_COMMAND => Some(Self::RUN_NOTIFICATION),
            Self::ATTACH_INVOCATION_COMMAND => Some(Self::ATTACH_INVOCATION_NOTIFICATION),
            Self::GET_INVOCATION_OUTPUT_COMMAND => Some(Self::GET_INVOCATION_OUTPUT_NOTIFICATION),
            _ => None,
        }
    }

    /// The name in documents and journals, without suffix: `Run` for the command and its notification.
    pub const fn name(self) -> Option<&'static str> {
        if self.is_control() {
            self.control_name()
        } else {
            match self.command_name() {
                Some(name) => Some(name.split_at("Command/".len()).1),
                None => None,
            }
        }
    }

    /// How journals and traces call a command: `Command/Run`; one that is not known is `Command/Custom`.
    pub const fn command_type(self) -> &'static str {
        match self.command_name() {
            Some(name) if self.is_command() => name,
            _ => "Command/Custom",
        }
    }

    const fn control_name(self) -> Option<&'static str> {
        Some(match self {
            Self::START => "Start",
            Self::SUSPENSION => "Suspension",
            Self::ERROR => "Error",
            Self::END => "End",
            Self::COMMAND_ACK => "CommandAck",
            Self::PROPOSE_RUN_COMPLETION => "ProposeRunCompletion",
            Self::AWAITING_ON => "AwaitingOn",
            Self::PROPOSE_RUN_COMPLETION_ACK => "ProposeRunCompletionAck",
            _ => return None,
        })
    }

    const fn command_name(self) -> Option<&'static str> {
        Some(match self {
            Self::INPUT_COMMAND => "Command/Input",
            Self::OUTPUT_COMMAND => "Command/Output",
            Self::GET_LAZY_STATE_COMMAND | Self::GET_LAZY_STATE_NOTIFICATION => "Command/GetLazyState",
            Self::SET_STATE_COMMAND => "Command/SetState",
            Self::CLEAR_STATE_COMMAND => "Command/ClearState",
            Self::CLEAR_ALL_STATE_COMMAND => "Command/ClearAllState",
            Self::GET_LAZY_STATE_KEYS_COMMAND | Self::GET_LAZY_STATE_KEYS_NOTIFICATION => {
                "Command/GetLazyStateKeys"
            }
            Self::GET_EAGER_STATE_COMMAND => "Command/GetEagerState",
            Self::GET_EAGER_STATE_KEYS_COMMAND => "Command/GetEagerStateKeys",
            Self::GET_PROMISE_COMMAND | Self::GET_PROMISE_NOTIFICATION => "Command/GetPromise",
            Self::PEEK_PROMISE_COMMAND | Self::PEEK_PROMISE_NOTIFICATION => "Command/PeekPromise",
            Self::COMPLETE_PROMISE_COMMAND | Self::COMPLETE_PROMISE_NOTIFICATION => "Command/CompletePromise",
            Self::SLEEP_COMMAND | Self::SLEEP_NOTIFICATION => "Command/Sleep",
            Self::CALL_COMMAND | Self::CALL_NOTIFICATION => "Command/Call",
            Self::ONE_WAY_CALL_COMMAND => "Command/OneWayCall",
            Self::CALL_INVOCATION_ID_NOTIFICATION => "Command/CallInvocationId",
            Self::SEND_SIGNAL_COMMAND => "Command/SendSignal",
            Self::RUN_COMMAND | Self::RUN_NOTIFICATION => "Command/Run",
            Self::ATTACH_INVOCATION_COMMAND | Self::ATTACH_INVOCATION_NOTIFICATION => {
                "Command/AttachInvocation"
            }
            Self::GET_INVOCATION_OUTPUT_COMMAND | Self::GET_INVOCATION_OUTPUT_NOTIFICATION => {
                "Command/GetInvocationOutput"
            }
            Self::COMPLETE_AWAKEABLE_COMMAND => "Command/CompleteAwakeable",
            Self::SIGNAL_NOTIFICATION => "Command/Signal",
            _ => return None,
        })
    }
}

/// The name and the code: `Run (0x0411)`.
impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.name() {
            Some(name) => name,
            None if self.is_custom() => "Custom",
            None => "Unknown",
        };
        write!(f, "{name} ({:#06x})", self.0)
    }
}

impl fmt::Debug for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
