//! From chunks of a body stream to frames, however the chunks are cut.

use std::collections::VecDeque;

use bytes::{Buf, Bytes, BytesMut};

use super::{Frame, FrameError, HEADER_LEN, MessageType, REQUESTED_ACK};

/// Most bytes reserved on the word of a header alone; beyond that memory follows what was received.
const RESERVE_MAX: usize = 256 * 1024;

/// An incremental decoder of one stream.
///
/// A frame that lies within one chunk shares its memory; only a frame cut across chunks is copied, once.
/// Memory is bounded by one frame of `max_len`, given that [`Decoder::next`] is called until it returns
/// `None` after each push. After an error every further call returns the same error.
///
/// ```
/// use everspan_protocol::frame::{Decoder, Frame, MessageType, encode};
/// let mut bytes = Vec::new();
/// encode(MessageType::END, b"", &mut bytes);
/// let mut decoder = Decoder::new(1024);
/// decoder.push(bytes);
/// assert_eq!(decoder.next(), Ok(Some(Frame::new(MessageType::END, ""))));
/// assert_eq!(decoder.next(), Ok(None));
/// ```
#[derive(Debug)]
pub struct Decoder {
    max_len: u32,
    /// The start of a frame whose end was not in the same chunk.
    partial: BytesMut,
    /// Chunks nobody has looked at; usually one.
    unread: VecDeque<Bytes>,
    failed: Option<FrameError>,
}

#[derive(Clone, Copy)]
struct Header {
    ty: MessageType,
    flags: u16,
    body_len: usize,
}

impl Decoder {
    /// A decoder that accepts bodies of up to `max_len` bytes.
    pub fn new(max_len: u32) -> Self {
        Self {
            max_len,
            partial: BytesMut::new(),
            unread: VecDeque::new(),
            failed: None,
        }
    }

    /// Takes the next chunk of the stream without copying it.
    pub fn push(&mut self, chunk: impl Into<Bytes>) {
        let chunk = chunk.into();
        if self.failed.is_none() && !chunk.is_empty() {
            self.unread.push_back(chunk);
        }
    }

    /// Takes the next chunk of the stream by copying it.
    pub fn push_slice(&mut self, chunk: &[u8]) {
        self.push(Bytes::copy_from_slice(chunk));
    }

    /// The next whole frame, or `None` when more bytes are needed.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would end for good at the first None"
    )]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.take_frame().inspect_err(|error| {
            self.failed = Some(*error);
            self.partial = BytesMut::new();
            self.unread.clear();
        })
    }

    /// Says whether the stream may end here: an error if it ends inside a frame.
    pub fn finish(&self) -> Result<(), FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let unread: usize = self.unread.iter().map(Bytes::len).sum();
        match self.partial.len() + unread {
            0 => Ok(()),
            received => Err(FrameError::Truncated { received }),
        }
    }

    fn take_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if self.partial.is_empty()
            && let Some(frame) = self.slice_frame()?
        {
            return Ok(Some(frame));
        }
        if !self.fill_partial(HEADER_LEN) {
            return Ok(None);
        }
        let header = self.header(&self.partial)?;
        if !self.fill_partial(HEADER_LEN + header.body_len) {
            return Ok(None);
        }
        let body = std::mem::take(&mut self.partial).freeze().slice(HEADER_LEN..);
        Ok(Some(Frame {
            ty: header.ty,
            flags: header.flags,
            body,
        }))
    }

    /// A frame that lies wholly in the first unread chunk.
    fn slice_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(chunk) = self.unread.front().filter(|chunk| chunk.len() >= HEADER_LEN) else {
            return Ok(None);
        };
        let header = self.header(chunk)?;
        let frame_len = HEADER_LEN + header.body_len;
        if chunk.len() < frame_len {
            return Ok(None);
        }
        Ok(Some(Frame {
            ty: header.ty,
            flags: header.flags,
            body: self.cut(frame_len).slice(HEADER_LEN..),
        }))
    }

    /// Moves unread bytes to the partial frame until it has `wanted`; says whether it has.
    fn fill_partial(&mut self, wanted: usize) -> bool {
        let missing = wanted.saturating_sub(self.partial.len());
        if missing > 0 && !self.unread.is_empty() {
            self.partial.reserve(missing.min(RESERVE_MAX));
        }
        while self.partial.len() < wanted {
            let Some(chunk) = self.unread.front() else {
                return false;
            };
            let take = chunk.len().min(wanted - self.partial.len());
            let bytes = self.cut(take);
            self.partial.extend_from_slice(&bytes);
        }
        true
    }

    /// Cuts `len` bytes off the first unread chunk, which has that many.
    fn cut(&mut self, len: usize) -> Bytes {
        let chunk = self.unread.front_mut().expect("the caller saw a chunk");
        let bytes = chunk.split_to(len);
        if chunk.is_empty() {
            self.unread.pop_front();
        }
        bytes
    }

    /// Reads and checks a header; `bytes` has at least [`HEADER_LEN`].
    fn header(&self, mut bytes: &[u8]) -> Result<Header, FrameError> {
        let ty = MessageType(bytes.get_u16());
        let flags = bytes.get_u16();
        let len = bytes.get_u32();
        if !ty.is_known() {
            return Err(FrameError::UnknownType { ty });
        }
        if flags & !REQUESTED_ACK != 0 {
            return Err(FrameError::ReservedBits { ty, flags });
        }
        match usize::try_from(len) {
            Ok(body_len) if len <= self.max_len => Ok(Header { ty, flags, body_len }),
            _ => Err(FrameError::TooLarge {
                ty,
                len,
                max: self.max_len,
            }),
        }
    }
}
