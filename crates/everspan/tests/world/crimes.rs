//! What a service may do wrong, and which error of the attempt tells it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use everspan_protocol::frame::MessageType;
use everspan_protocol::message::{
    CallCommand, End, Error, InputCommand, OutputCommand, SetStateCommand, Suspension,
};

use crate::world::service::{CONTENT_TYPE, Talk, encoded, finished};

type Deed = fn(Talk) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// Something a service may not do.
pub(crate) struct Crime {
    pub(crate) name: &'static str,
    /// Code of the attempt's error.
    pub(crate) code: u64,
    /// Part of its message.
    pub(crate) text: &'static str,
    pub(crate) commit: Deed,
}

const fn crime(name: &'static str, code: u64, text: &'static str, commit: Deed) -> Crime {
    Crime {
        name,
        code,
        text,
        commit,
    }
}

/// Sends these bytes as its whole answer.
macro_rules! says {
    ($bytes:expr) => {
        |mut talk: Talk| {
            Box::pin(async move {
                talk.accept();
                talk.raw($bytes);
                talk.left().await;
            })
        }
    };
}

/// Frame header of a type, flags and length, then these bytes.
fn header(ty: u16, flags: u16, len: u32, body: &[u8]) -> Bytes {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&ty.to_be_bytes());
    bytes.extend_from_slice(&flags.to_be_bytes());
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend_from_slice(body);
    bytes.into()
}

fn call_of(service: &str) -> CallCommand {
    CallCommand {
        service_name: service.to_owned(),
        handler_name: "none".to_owned(),
        ..CallCommand::default()
    }
}

fn set(key_len: usize) -> SetStateCommand {
    SetStateCommand {
        key: vec![b'k'; key_len].into(),
        ..SetStateCommand::default()
    }
}

/// Against services and objects alike.
pub(crate) const CRIMES: &[Crime] = &[
    crime(
        "unknown type",
        571,
        "unknown message type 0x0300",
        says!(header(0x0300, 0, 0, b"")),
    ),
    crime(
        "reserved flags",
        571,
        "reserved bits",
        says!(header(0x0003, 1, 0, b"")),
    ),
    crime(
        "huge length",
        571,
        "at most",
        says!(header(0x0401, 0, u32::MAX, b"")),
    ),
    crime(
        "no protobuf",
        571,
        "Output",
        says!(header(0x0401, 0, 2, b"\xff\xff")),
    ),
    crime(
        "call that is no protobuf",
        571,
        "Call",
        says!(header(0x040D, 0, 1, b"\x0a")),
    ),
    crime(
        "name that is not UTF-8",
        571,
        "Call",
        says!(header(0x040D, 0, 4, b"\x0a\x02\xff\xfe")),
    ),
    crime(
        "sleep that is no protobuf",
        571,
        "Sleep",
        says!(header(0x040C, 0, 1, b"\xff")),
    ),
    crime(
        "error that is no protobuf",
        571,
        "Error",
        says!(header(0x0002, 0, 1, b"\xff")),
    ),
    crime(
        "suspension that is no protobuf",
        571,
        "Suspension",
        says!(header(0x0001, 0, 1, b"\xff")),
    ),
    crime("start", 571, "Start", says!(header(0x0000, 0, 0, b""))),
    crime(
        "acknowledgement",
        571,
        "CommandAck",
        says!(header(0x0004, 0, 0, b"")),
    ),
    crime("notification", 571, "Run", says!(header(0x8011, 0, 0, b""))),
    crime("signal", 571, "Signal", says!(header(0xFBFF, 0, 0, b""))),
    crime(
        "input",
        571,
        "Input",
        says!(encoded(MessageType::INPUT_COMMAND, &InputCommand::default())),
    ),
    crime(
        "end without result",
        571,
        "without a result",
        says!(encoded(MessageType::END, &End {})),
    ),
    crime(
        "output without result",
        571,
        "Output",
        says!(encoded(MessageType::OUTPUT_COMMAND, &OutputCommand::default())),
    ),
    crime(
        "suspension for nothing",
        571,
        "what it waits for",
        says!(encoded(MessageType::SUSPENSION, &Suspension::default())),
    ),
    crime(
        "state without a key",
        571,
        "has no key",
        says!(encoded(MessageType::SET_STATE_COMMAND, &set(1))),
    ),
    crime(
        "proposal of nothing",
        571,
        "without a result",
        says!(header(0x0005, 0, 2, b"\x08\x01")),
    ),
    crime(
        "call of nobody",
        404,
        "no deployment offers",
        says!(encoded(MessageType::CALL_COMMAND, &call_of("Nobody"))),
    ),
    crime(
        "its own error",
        422,
        "not today",
        says!(encoded(
            MessageType::ERROR,
            &Error {
                code: 422,
                message: "not today".to_owned(),
                ..Error::default()
            }
        )),
    ),
    crime(
        "error code that is none",
        500,
        "not today",
        says!(encoded(
            MessageType::ERROR,
            &Error {
                code: u32::MAX,
                message: "not today".to_owned(),
                next_retry_delay: Some(1),
                ..Error::default()
            }
        )),
    ),
    crime("silence", 571, "without ending", |mut talk| {
        Box::pin(async move {
            talk.headers(200, CONTENT_TYPE, true);
        })
    }),
    crime("half a frame", 571, "in the middle", |mut talk| {
        Box::pin(async move {
            talk.accept();
            talk.raw(finished("x").slice(..5));
            talk.close();
        })
    }),
    crime("half a body", 571, "in the middle", |mut talk| {
        Box::pin(async move {
            talk.accept();
            talk.raw(header(0x0401, 0, 1000, b"abc"));
            talk.close();
        })
    }),
    crime("other content type", 571, "text/html", |mut talk| {
        Box::pin(async move {
            talk.headers(200, "text/html", true);
        })
    }),
    crime("older version", 571, "v5", |mut talk| {
        Box::pin(async move {
            talk.headers(200, "application/vnd.restate.invocation.v5", true);
        })
    }),
    crime("status 500", 500, "status 500", |mut talk| {
        Box::pin(async move {
            talk.headers(500, "text/plain", true);
        })
    }),
    crime("status 204", 204, "status 204", |mut talk| {
        Box::pin(async move {
            talk.headers(204, CONTENT_TYPE, true);
        })
    }),
    crime("reset", 500, "broke", |mut talk| {
        Box::pin(async move {
            talk.accept();
            talk.raw(finished("x").slice(..5));
            tokio::time::sleep(Duration::from_millis(20)).await;
            talk.reset();
        })
    }),
];

/// Against objects only.
pub(crate) const AGAINST_OBJECTS: &[Crime] = &[
    crime(
        "long state key",
        571,
        "state key of 65536 bytes",
        says!(encoded(MessageType::SET_STATE_COMMAND, &set(65_536))),
    ),
    crime(
        "promise",
        571,
        "not a workflow",
        says!(header(0x0409, 0, 3, b"\x0a\x01p")),
    ),
];
