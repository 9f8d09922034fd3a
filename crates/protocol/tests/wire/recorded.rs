//! Recorded and written frames: lengths, messages byte for byte, cuts.

use std::collections::BTreeSet;

use everspan_protocol::frame::{Decoder, Frame, MessageType};
use everspan_protocol::ids::InvocationId;
use everspan_protocol::message::Start;
use proptest::prelude::*;

use crate::{messages, text};

#[test]
fn recorded_bodies_have_the_recorded_length() {
    let lines = text::recorded();
    assert!(lines.iter().filter(|line| line.len.is_some()).count() > 180);
    for line in lines {
        if let Some(len) = line.len {
            assert_eq!(line.frame.body.len(), len, "{}", line.text);
        }
    }
}

#[test]
fn messages_keep_every_byte() {
    for line in text::recorded().into_iter().chain(text::written()) {
        assert_eq!(messages::again(&line.frame), Ok(line.frame), "{}", line.text);
    }
}

#[test]
fn every_known_type_was_written_once_and_named_as_in_the_documents() {
    let lines = text::written();
    for line in &lines {
        let name = line.text.split_whitespace().nth(2);
        assert_eq!(line.frame.ty.name(), name, "{}", line.text);
    }
    let written: BTreeSet<MessageType> = lines.iter().map(|line| line.frame.ty).collect();
    let named: BTreeSet<MessageType> = (0..=u16::MAX)
        .map(MessageType)
        .filter(|ty| ty.name().is_some())
        .collect();
    assert_eq!(written, named);
}

#[test]
fn the_raw_id_of_a_start_is_its_debug_id() {
    let mut starts = 0;
    for line in text::recorded()
        .into_iter()
        .filter(|line| line.frame.ty == MessageType::START)
    {
        let start: Start = line.frame.message().unwrap();
        let id = InvocationId::try_from(&start.id[..]).unwrap();
        assert_eq!(id.to_string(), start.debug_id);
        assert_eq!(start.debug_id.parse(), Ok(id));
        starts += 1;
    }
    assert!(starts > 30);
}

fn stream() -> (Vec<u8>, Vec<Frame>) {
    let frames: Vec<Frame> = text::recorded().into_iter().map(|line| line.frame).collect();
    let mut bytes = Vec::new();
    for frame in &frames {
        frame.encode(&mut bytes);
    }
    (bytes, frames)
}

#[test]
fn a_frame_within_one_chunk_is_not_copied() {
    let (bytes, frames) = stream();
    let bytes = bytes::Bytes::from(bytes);
    let memory = bytes.as_ptr_range();
    let mut decoder = Decoder::new(1 << 20);
    decoder.push(bytes.clone());
    for frame in frames {
        let decoded = decoder.next().unwrap().unwrap();
        assert_eq!(decoded, frame);
        assert!(frame.body.is_empty() || memory.contains(&decoded.body.as_ptr()));
    }
    assert_eq!(decoder.next(), Ok(None));
}

proptest! {
    #[test]
    fn cuts_do_not_matter(cuts in prop::collection::vec(0usize..60, 1..40), late in any::<bool>()) {
        let (bytes, frames) = stream();
        let mut decoder = Decoder::new(1 << 20);
        let mut decoded = Vec::new();
        let mut rest = &bytes[..];
        for cut in cuts.iter().cycle().map(|cut| cut + 1) {
            let (chunk, tail) = rest.split_at(cut.min(rest.len()));
            decoder.push_slice(chunk);
            while !late && let Some(frame) = decoder.next().unwrap() {
                decoded.push(frame);
            }
            rest = tail;
            if rest.is_empty() { break; }
        }
        while let Some(frame) = decoder.next().unwrap() {
            decoded.push(frame);
        }
        prop_assert_eq!(decoder.finish(), Ok(()));
        prop_assert_eq!(decoded, frames);
    }
}
