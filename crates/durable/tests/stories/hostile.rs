//! Services that say what they may not.

use everspan_durable::record::{Body, Progress, StoredFrame};
use everspan_durable::target::HandlerKind;
use everspan_protocol::frame::{MessageType, encode, encode_message};
use everspan_protocol::ids::InvocationId;
use everspan_protocol::message as wire;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use crate::sdk::Ctx;
use crate::stop::Stop;
use crate::world::World;

fn hung(ctx: &mut Ctx) -> Result<String, Stop> {
    ctx.sleep(1 << 40)?;
    Ok(String::new())
}

fn framed(ty: MessageType, body: &[u8]) -> Result<String, Stop> {
    let mut bytes = Vec::new();
    encode(ty, body, &mut bytes);
    Err(Stop::Garbage(bytes))
}

#[test]
fn a_malformed_entry_ends_the_attempt_and_not_the_server() {
    let handlers: [crate::sdk::Handler; 6] = [
        |_| framed(MessageType::SLEEP_COMMAND, b"\xff\xff\xff"),
        |_| framed(MessageType::START, b""),
        |_| framed(MessageType::SLEEP_NOTIFICATION, b""),
        |_| framed(MessageType::INPUT_COMMAND, b""),
        |_| framed(MessageType::SUSPENSION, b""),
        |_| Err(Stop::Garbage(vec![0x7f; 100])),
    ];
    for handler in handlers {
        let mut world = World::new();
        world.serve("Bad", "call", HandlerKind::Service, handler);
        let id = world.submit("Bad/call", "");
        let view = world.view(&id);
        assert_eq!((view.status, view.last_error.unwrap().code), ("backing-off", 571));
        assert_eq!(view.journal_len, 1);
    }
}

#[test]
fn an_end_without_a_result_is_refused() {
    let mut world = World::new();
    world.serve("Bad", "call", HandlerKind::Service, |_| {
        framed(MessageType::END, b"")
    });
    let id = world.submit("Bad/call", "");
    assert_eq!(world.view(&id).last_error.unwrap().code, 571);
}

#[test]
fn names_too_long_for_the_state_are_refused() {
    let long = "x".repeat(1 << 17);
    let signal = wire::SendSignalCommand {
        target_invocation_id: InvocationId::from_parts(1, [2; 16]).to_string(),
        signal_id: Some(wire::SignalId::Name(long.clone())),
        ..wire::SendSignalCommand::default()
    };
    let call = wire::CallCommand {
        service_name: "Object".into(),
        handler_name: "hold".into(),
        key: long.clone(),
        ..wire::CallCommand::default()
    };
    let set = wire::SetStateCommand {
        key: long.clone().into(),
        ..wire::SetStateCommand::default()
    };
    let wait = wire::Suspension {
        waiting_named_signals: vec![long],
        ..wire::Suspension::default()
    };
    type Encode<'a> = &'a dyn Fn(&mut Vec<u8>);
    let frames: [Encode<'_>; 4] = [
        &|out| encode_message(MessageType::SEND_SIGNAL_COMMAND, &signal, out),
        &|out| encode_message(MessageType::CALL_COMMAND, &call, out),
        &|out| encode_message(MessageType::SET_STATE_COMMAND, &set, out),
        &|out| encode_message(MessageType::SUSPENSION, &wait, out),
    ];
    for encode in frames {
        let mut world = World::new();
        world.serve("Object", "hold", HandlerKind::Exclusive, hung);
        let id = world.submit("Object/k/hold", "");
        let mut bytes = Vec::new();
        encode(&mut bytes);
        world.say(&id, bytes);
        assert!(matches!(world.status(&id), "backing-off" | "suspended"));
    }
}

fn any_type() -> impl Strategy<Value = u16> {
    prop_oneof![
        0_u16..9,
        0x0400_u16..0x0416,
        0x8000_u16..0x8014,
        Just(0xfbff_u16),
        any::<u16>()
    ]
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    // fields 1 to 17 with small varints and short texts, so that many a body decodes
    let field = (
        1_u8..18,
        prop_oneof![Just(0_u8), Just(2_u8)],
        vec(any::<u8>(), 0..6),
    );
    let field = field.prop_map(|(number, kind, content)| {
        let mut bytes = Vec::new();
        let tag = u32::from(number) << 3 | u32::from(kind);
        prost::encoding::encode_varint(tag.into(), &mut bytes);
        if kind == 0 {
            bytes.push(content.first().copied().unwrap_or(1) & 0x7f);
        } else {
            prost::encoding::encode_varint(content.len() as u64, &mut bytes);
            bytes.extend(content);
        }
        bytes
    });
    prop_oneof![
        vec(field, 0..5).prop_map(|fields| fields.concat()),
        vec(any::<u8>(), 0..40)
    ]
}

proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(400))]
    #[test]
    fn no_frame_of_a_service_stops_the_partition(
        frames in vec((any_type(), any_body(), any::<bool>()), 1..6),
        kind in prop_oneof![
            Just(HandlerKind::Service), Just(HandlerKind::Exclusive),
            Just(HandlerKind::Shared), Just(HandlerKind::Workflow)
        ],
    ) {
        let mut world = World::new();
        world.serve("Object", "hold", kind, |_| Err(Stop::Blocked));
        let path = if kind == HandlerKind::Service { "Object/hold" } else { "Object/k/hold" };
        let id = world.submit(path, "");
        let facts = world.services.facts("Object", "hold").unwrap();
        let frames = frames.into_iter().map(|(ty, body, callee)| StoredFrame {
            ty,
            body: body.into(),
            callee: callee.then(|| facts.clone()),
        });
        let progress = Progress { id, attempt: 1, pin: None, frames: frames.collect(), end: None };
        world.record(Body::Progress(Box::new(progress)));
        world.wait_ms(100_000);
        world.crash();
        world.wait_ms(100_000);
        world.ask(everspan_durable::record::Message::Kill(id));
        assert_eq!(world.status(&id), "completed");
    }
}
