//! Frames: how messages follow each other in an invocation stream.
//!
//! ```text
//!  0        2        4                 8
//!  ┌────────┬────────┬─────────────────┬──────────────
//!  │ type   │ flags  │ body length     │ body (protobuf)
//!  └────────┴────────┴─────────────────┴──────────────   big-endian
//! ```
//!
//! Flags: [`REQUESTED_ACK`] asks for an acknowledgement, the other fifteen bits are zero.

mod decoder;
mod error;
mod message_type;

use bytes::{BufMut, Bytes};
use prost::Message;

pub use decoder::Decoder;
pub use error::{FrameError, MessageError};
pub use message_type::MessageType;

/// Length of a frame header in bytes.
pub const HEADER_LEN: usize = 8;

/// Flag of a frame whose sender wants an acknowledgement.
pub const REQUESTED_ACK: u16 = 0x8000;

/// One message of an invocation stream, its body still encoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the body is.
    pub ty: MessageType,
    /// [`REQUESTED_ACK`] or 0.
    pub flags: u16,
    /// The protobuf message.
    pub body: Bytes,
}

impl Frame {
    /// A frame without flags.
    pub fn new(ty: MessageType, body: impl Into<Bytes>) -> Self {
        Self {
            ty,
            flags: 0,
            body: body.into(),
        }
    }

    /// Whether the sender wants an acknowledgement.
    pub const fn is_ack_requested(&self) -> bool {
        self.flags & REQUESTED_ACK != 0
    }

    /// Decodes the body. Byte fields of the message share the memory of the frame.
    ///
    /// The caller picks the message by [`Frame::ty`]; the body alone does not tell.
    pub fn message<M: Message + Default>(&self) -> Result<M, MessageError> {
        M::decode(self.body.clone()).map_err(|source| MessageError { ty: self.ty, source })
    }

    /// Appends header and body to `out`, flags included.
    pub fn encode(&self, out: &mut impl BufMut) {
        encode_header(self.ty, self.flags, self.body.len(), out);
        out.put_slice(&self.body);
    }
}

/// Appends a frame without flags whose body is encoded already.
pub fn encode(ty: MessageType, body: &[u8], out: &mut impl BufMut) {
    encode_header(ty, 0, body.len(), out);
    out.put_slice(body);
}

/// Appends a frame without flags around `message`.
pub fn encode_message(ty: MessageType, message: &impl Message, out: &mut impl BufMut) {
    encode_header(ty, 0, message.encoded_len(), out);
    message.encode(out).expect("the buffer grows as needed");
}

fn encode_header(ty: MessageType, flags: u16, body_len: usize, out: &mut impl BufMut) {
    let body_len = u32::try_from(body_len).expect("a message is far smaller than 4 GiB");
    out.put_u16(ty.0);
    out.put_u16(flags);
    out.put_u32(body_len);
}
