//! What can be wrong with the bytes of a stream.

use std::fmt;

use super::MessageType;

/// Why a stream of bytes is not a stream of frames. Nothing after the error can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The header announces a body above the limit.
    TooLarge {
        /// What the frame would have been.
        ty: MessageType,
        /// Announced length of the body in bytes.
        len: u32,
        /// The limit in bytes.
        max: u32,
    },
    /// A flag is set that has no meaning.
    ReservedBits {
        /// What the frame would have been.
        ty: MessageType,
        /// The flags as received.
        flags: u16,
    },
    /// No message has this type.
    UnknownType {
        /// The type as received.
        ty: MessageType,
    },
    /// The stream ended inside a frame.
    Truncated {
        /// Bytes received of the unfinished frame, its header included.
        received: usize,
    },
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { ty, len, max } => {
                write!(f, "body of {ty} has {len} bytes, at most {max} are accepted")
            }
            Self::ReservedBits { ty, flags } => write!(f, "reserved bits set in flags {flags:#06x} of {ty}"),
            Self::UnknownType { ty } => write!(f, "unknown message type {:#06x}", ty.0),
            Self::Truncated { received } => write!(f, "stream ended {received} bytes into a frame"),
        }
    }
}

impl std::error::Error for FrameError {}

/// Why the body of a frame is not the message its type promises.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageError {
    /// The type of the frame.
    pub ty: MessageType,
    /// What protobuf found.
    pub source: prost::DecodeError,
}

impl fmt::Display for MessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "body of {} cannot be decoded: {}", self.ty, self.source)
    }
}

impl std::error::Error for MessageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}
