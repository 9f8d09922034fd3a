//! Which message stands in which frame; decoding and encoding it again.

use bytes::BytesMut;
use everspan_protocol::frame::{Decoder, Frame, MessageError, MessageType, encode_message};
use everspan_protocol::message as m;
use prost::Message;

/// The frame after its message was decoded and encoded again, by its type.
pub(crate) fn again(frame: &Frame) -> Result<Frame, MessageError> {
    match frame.ty {
        MessageType::START => through::<m::Start>(frame),
        MessageType::SUSPENSION => through::<m::Suspension>(frame),
        MessageType::ERROR => through::<m::Error>(frame),
        MessageType::END => through::<m::End>(frame),
        MessageType::COMMAND_ACK => through::<m::CommandAck>(frame),
        MessageType::PROPOSE_RUN_COMPLETION => through::<m::ProposeRunCompletion>(frame),
        MessageType::AWAITING_ON => through::<m::AwaitingOn>(frame),
        MessageType::PROPOSE_RUN_COMPLETION_ACK => through::<m::ProposeRunCompletionAck>(frame),
        _ if frame.ty.is_notification() => through::<m::Notification>(frame),
        _ => command_again(frame),
    }
}

fn command_again(frame: &Frame) -> Result<Frame, MessageError> {
    match frame.ty {
        MessageType::INPUT_COMMAND => through::<m::InputCommand>(frame),
        MessageType::OUTPUT_COMMAND => through::<m::OutputCommand>(frame),
        MessageType::GET_LAZY_STATE_COMMAND => through::<m::GetLazyStateCommand>(frame),
        MessageType::SET_STATE_COMMAND => through::<m::SetStateCommand>(frame),
        MessageType::CLEAR_STATE_COMMAND => through::<m::ClearStateCommand>(frame),
        MessageType::CLEAR_ALL_STATE_COMMAND => through::<m::ClearAllStateCommand>(frame),
        MessageType::GET_LAZY_STATE_KEYS_COMMAND => through::<m::GetLazyStateKeysCommand>(frame),
        MessageType::GET_EAGER_STATE_COMMAND => through::<m::GetEagerStateCommand>(frame),
        MessageType::GET_EAGER_STATE_KEYS_COMMAND => through::<m::GetEagerStateKeysCommand>(frame),
        MessageType::GET_PROMISE_COMMAND => through::<m::GetPromiseCommand>(frame),
        MessageType::PEEK_PROMISE_COMMAND => through::<m::PeekPromiseCommand>(frame),
        MessageType::COMPLETE_PROMISE_COMMAND => through::<m::CompletePromiseCommand>(frame),
        MessageType::SLEEP_COMMAND => through::<m::SleepCommand>(frame),
        MessageType::CALL_COMMAND => through::<m::CallCommand>(frame),
        MessageType::ONE_WAY_CALL_COMMAND => through::<m::OneWayCallCommand>(frame),
        MessageType::SEND_SIGNAL_COMMAND => through::<m::SendSignalCommand>(frame),
        MessageType::RUN_COMMAND => through::<m::RunCommand>(frame),
        MessageType::ATTACH_INVOCATION_COMMAND => through::<m::AttachInvocationCommand>(frame),
        MessageType::GET_INVOCATION_OUTPUT_COMMAND => through::<m::GetInvocationOutputCommand>(frame),
        MessageType::COMPLETE_AWAKEABLE_COMMAND => through::<m::CompleteAwakeableCommand>(frame),
        other => panic!("{other} has no message"),
    }
}

fn through<M: Message + Default>(frame: &Frame) -> Result<Frame, MessageError> {
    let message: M = frame.message()?;
    let mut bytes = BytesMut::new();
    encode_message(frame.ty, &message, &mut bytes);
    let mut decoder = Decoder::new(u32::MAX);
    decoder.push(bytes);
    let mut again = decoder.next().expect("a good frame").expect("a whole frame");
    assert_eq!(decoder.finish(), Ok(()));
    again.flags = frame.flags;
    Ok(again)
}
