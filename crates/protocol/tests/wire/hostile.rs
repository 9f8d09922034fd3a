//! Bytes that nobody should send: errors, never a panic, never unbounded memory.

use everspan_protocol::frame::{Decoder, Frame, FrameError, MessageType, REQUESTED_ACK, encode};
use everspan_protocol::manifest::Manifest;
use proptest::prelude::*;

use crate::{messages, text};

fn decode(bytes: &[u8]) -> Result<Option<Frame>, FrameError> {
    let mut decoder = Decoder::new(100);
    decoder.push_slice(bytes);
    let first = decoder.next();
    if first.is_err() {
        decoder.push_slice(&[0, 3, 0, 0, 0, 0, 0, 0]);
        assert_eq!(decoder.next(), first, "an error is final");
        assert_eq!(decoder.finish().err(), first.clone().err());
    }
    first
}

#[test]
fn bad_headers_are_refused_before_the_body_arrives() {
    let ty = MessageType::RUN_COMMAND;
    for (header, expected) in [
        ([4, 0x11, 0, 0, 0, 0, 0, 100], Ok(None)),
        (
            [4, 0x11, 0, 0, 0, 0, 0, 101],
            Err(FrameError::TooLarge {
                ty,
                len: 101,
                max: 100,
            }),
        ),
        (
            [4, 0x11, 0, 0, 255, 255, 255, 255],
            Err(FrameError::TooLarge {
                ty,
                len: u32::MAX,
                max: 100,
            }),
        ),
        (
            [4, 0x11, 0, 1, 0, 0, 0, 0],
            Err(FrameError::ReservedBits { ty, flags: 1 }),
        ),
        (
            [4, 0x11, 0xC0, 0, 0, 0, 0, 0],
            Err(FrameError::ReservedBits { ty, flags: 0xC000 }),
        ),
        (
            [0, 8, 0, 0, 0, 0, 0, 0],
            Err(FrameError::UnknownType { ty: MessageType(8) }),
        ),
        (
            [4, 0x0F, 0, 0, 0, 0, 0, 0],
            Err(FrameError::UnknownType {
                ty: MessageType(0x040F),
            }),
        ),
        (
            [0x80, 3, 0, 0, 0, 0, 0, 0],
            Err(FrameError::UnknownType {
                ty: MessageType(0x8003),
            }),
        ),
        (
            [0xFC, 0, 0, 0, 0, 0, 0, 0],
            Ok(Some(Frame::new(MessageType(0xFC00), ""))),
        ),
    ] {
        assert_eq!(decode(&header), expected, "{header:?}");
    }
}

#[test]
fn errors_tell_their_values() {
    let ty = MessageType::RUN_COMMAND;
    let body = Frame::new(ty, vec![0xff])
        .message::<everspan_protocol::message::RunCommand>()
        .unwrap_err();
    for (error, text) in [
        (
            FrameError::TooLarge {
                ty,
                len: 101,
                max: 100,
            }
            .to_string(),
            "body of Run (0x0411) has 101 bytes",
        ),
        (
            FrameError::ReservedBits { ty, flags: 1 }.to_string(),
            "in flags 0x0001 of Run (0x0411)",
        ),
        (
            FrameError::UnknownType { ty: MessageType(8) }.to_string(),
            "unknown message type 0x0008",
        ),
        (
            FrameError::Truncated { received: 9 }.to_string(),
            "ended 9 bytes into a frame",
        ),
        (body.to_string(), "body of Run (0x0411) cannot be decoded"),
    ] {
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn a_stream_may_not_end_inside_a_frame() {
    let mut bytes = Vec::new();
    encode(MessageType::RUN_COMMAND, &[0x58, 1], &mut bytes);
    for end in 1..bytes.len() {
        let mut decoder = Decoder::new(100);
        decoder.push_slice(&bytes[..end]);
        assert_eq!(decoder.next(), Ok(None));
        assert_eq!(decoder.finish(), Err(FrameError::Truncated { received: end }));
    }
}

#[test]
fn an_acknowledgement_can_be_requested() {
    let frame = decode(&[4, 0x11, 0x80, 0, 0, 0, 0, 0]).unwrap().unwrap();
    assert_eq!(frame.flags, REQUESTED_ACK);
    assert!(frame.is_ack_requested());
}

#[test]
fn futures_nested_beyond_measure_are_an_error() {
    let mut body = Vec::new();
    for _ in 0..10_000 {
        let len = body.len();
        let mut outer = vec![0x22];
        prost::encode_length_delimiter(len, &mut outer).unwrap();
        outer.append(&mut body);
        body = outer;
    }
    assert!(messages::again(&Frame::new(MessageType::SUSPENSION, body)).is_err());
}

fn any_frame_type() -> impl Strategy<Value = MessageType> {
    let types: Vec<MessageType> = text::written().into_iter().map(|line| line.frame.ty).collect();
    prop::sample::select(types)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes_never_panic_the_decoder(chunks in prop::collection::vec(any::<Vec<u8>>(), 0..5)) {
        let mut decoder = Decoder::new(1 << 16);
        for chunk in chunks {
            decoder.push(chunk);
            while let Ok(Some(_)) = decoder.next() {}
        }
        let _ = decoder.finish();
    }

    #[test]
    fn arbitrary_bodies_never_panic_a_message(ty in any_frame_type(), body in any::<Vec<u8>>()) {
        drop(messages::again(&Frame::new(ty, body)));
    }

    #[test]
    fn damaged_bodies_never_panic_a_message(at in any::<prop::sample::Index>(), byte in any::<prop::sample::Index>(), new in any::<u8>()) {
        let lines = text::written();
        let frame = &lines[at.index(lines.len())].frame;
        let mut body = frame.body.to_vec();
        if !body.is_empty() {
            let byte = byte.index(body.len());
            body[byte] = new;
        }
        drop(messages::again(&Frame::new(frame.ty, body)));
    }

    #[test]
    fn arbitrary_text_never_panics_the_manifest(text in any::<String>()) {
        drop(Manifest::from_json(text.as_bytes()));
    }
}
