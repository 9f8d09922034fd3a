//! Ids against captured pairs and against themselves.

use everspan_protocol::ids::{
    AwakeableId, DeploymentId, IdError, InvocationId, partition_key_of, partition_of,
};
use proptest::prelude::*;

const ID: InvocationId = InvocationId::from_bytes([
    0x51, 0xcb, 0x00, 0x17, 0xd6, 0x89, 0x2a, 0x45, 0x9b, 0xa8, 0x31, 0xa7, 0xc4, 0x50, 0xf3, 0x9f, 0x9c,
    0x2e, 0x04, 0x00, 0xc9, 0x2f, 0x25, 0xad,
]);
const TEXT: &str = "inv_15Wax0tkZdwB5gIFlDKpBv4GTOb8FYfw1R";

#[test]
fn an_invocation_id_is_written_as_others_write_it() {
    assert_eq!(ID.to_string(), TEXT);
    assert_eq!(TEXT.parse(), Ok(ID));
    assert_eq!(ID.partition_key(), 0x51cb0017d6892a45);
    assert_eq!(InvocationId::from_parts(ID.partition_key(), ID.uuid()), ID);
}

#[test]
fn an_awakeable_id_is_read_as_others_write_it() {
    let text = "sign_1t6igTFI5R1G-ahyKOb0a0on1NA6LvM8jAAAAEQ";
    let id: AwakeableId = text.parse().unwrap();
    assert_eq!(id.signal, 17);
    assert_eq!(
        id.invocation.to_string(),
        "inv_16YDO2lpMYMT15zFn3DhG0x89PoB1VOllQ"
    );
    assert_eq!(id.to_string(), text);
    assert_eq!(text.replace("sign_1", "prom_1").parse(), Ok(id));
}

/// Requests of the recorded session whose ids are not random.
#[test]
fn repeated_requests_get_the_recorded_ids() {
    let key = "1795176760";
    let idempotent = |idempotency_key| {
        InvocationId::for_idempotency("Counter", Some(key), "add", idempotency_key).to_string()
    };
    assert_eq!(partition_key_of("k1"), 0x548ae3cba54055b3);
    assert_eq!(
        idempotent("ik1795176760"),
        "inv_16YDO2lpMYMT2z8eqQkRseeVkfuZaqybWd"
    );
    assert_eq!(
        idempotent("ik21795176760"),
        "inv_16YDO2lpMYMT3K2SGoVb8dJ42oW7MPoooD"
    );
    assert_eq!(
        InvocationId::for_workflow("BlockAndWaitWorkflow", key).to_string(),
        "inv_16YDO2lpMYMT2bzdUB0oyz9si2jUtZbI8n"
    );
}

#[test]
fn requests_to_services_live_where_their_idempotency_key_does() {
    let id = InvocationId::for_idempotency("Greeter", None, "greet", "again");
    assert_eq!(id.partition_key(), partition_key_of("again"));
    assert_eq!(
        id,
        InvocationId::for_idempotency("Greeter", None, "greet", "again")
    );
    for other in [
        InvocationId::for_idempotency("Greeter", None, "greet", "again2"),
        InvocationId::for_idempotency("Greeter", None, "greet2", "again"),
        InvocationId::for_idempotency("Greeter2", None, "greet", "again"),
        InvocationId::for_idempotency("Greeter", Some("k"), "greet", "again"),
    ] {
        assert_ne!(id, other);
    }
}

#[test]
fn bad_ids_are_refused() {
    let length = |len| IdError::Length { expected: 38, len };
    for (text, expected) in [
        ("", None),
        ("inv_", None),
        ("inv_25Wax0tkZdwB5gIFlDKpBv4GTOb8FYfw1R", None),
        ("dp_15Wax0tkZdwB5gIFlDKpBv4GTOb8FYfw1R", None),
        ("inv_1", Some(length(5))),
        ("inv_15Wax0tkZdwB5gIFlDKpBv4GTOb8FYfw1", Some(length(37))),
        ("inv_15Wax0tkZdwB5gIFlDKpBv4GTOb8FYfw1R0", Some(length(39))),
        ("inv_15Wax0tkZdw+5gIFlDKpBv4GTOb8FYfw1R", None),
        ("inv_15Wax0tkZdwé5gIFlDKpBv4GTOb8FYfw1", None),
        ("inv_1ZZZZZZZZZZZ5gIFlDKpBv4GTOb8FYfw1R", None),
        ("inv_15Wax0tkZdwBZZZZZZZZZZZZZZZZZZZZZZ", None),
    ] {
        let error = text.parse::<InvocationId>().unwrap_err();
        assert!(
            expected.is_none_or(|expected| expected == error),
            "{text:?}: {error}"
        );
        assert!(!error.to_string().is_empty());
    }
    for text in [
        "sign_1",
        "sign_2t6igTFI5R1G-ahyKOb0a0on1NA6LvM8jAAAAEQ",
        TEXT,
        "sign_1t6igTFI5R1G-ahyKOb0a0on1NA6LvM8jAAAAER",
    ] {
        assert!(text.parse::<AwakeableId>().is_err(), "{text:?}");
    }
    for text in ["dp_1", "dp_10", TEXT, "dp_1ZZZZZZZZZZZZZZZZZZZZZZ"] {
        assert!(text.parse::<DeploymentId>().is_err(), "{text:?}");
    }
    assert_eq!(
        InvocationId::try_from(&[0u8; 23][..]),
        Err(IdError::RawLength {
            expected: 24,
            len: 23
        })
    );
}

#[test]
fn partitions_are_equal_ranges() {
    let step = u64::MAX / 3;
    for (key, partitions, partition) in [
        (0, 1, 0),
        (u64::MAX, 1, 0),
        (step, 3, 0),
        (step + 1, 3, 1),
        (u64::MAX, 3, 2),
        (u64::MAX, u16::MAX, u16::MAX - 1),
    ] {
        assert_eq!(partition_of(key, partitions), partition, "{key} of {partitions}");
    }
}

proptest! {
    #[test]
    fn ids_survive_text_and_bytes(raw in any::<[u8; 24]>(), uuid in any::<[u8; 16]>(), signal in any::<u32>()) {
        let invocation = InvocationId::from_bytes(raw);
        prop_assert_eq!(invocation.to_string().parse(), Ok(invocation));
        prop_assert_eq!(invocation.to_string().len(), 38);
        prop_assert_eq!(borsh::from_slice::<InvocationId>(&borsh::to_vec(&invocation).unwrap()).unwrap(), invocation);
        prop_assert_eq!(borsh::to_vec(&invocation).unwrap(), raw);
        let deployment = DeploymentId::from_bytes(uuid);
        prop_assert_eq!(deployment.to_string().parse(), Ok(deployment));
        prop_assert_eq!(deployment.to_string().len(), 26);
        let awakeable = AwakeableId { invocation, signal };
        prop_assert_eq!(awakeable.to_string().parse(), Ok(awakeable));
    }

    #[test]
    fn arbitrary_text_never_panics_an_id(text in any::<String>(), tail in "[ -~é]{33}") {
        for text in [text.clone(), format!("inv_1{tail}"), format!("dp_1{tail}"), format!("sign_1{tail}{text}")] {
            drop((text.parse::<InvocationId>(), text.parse::<DeploymentId>(), text.parse::<AwakeableId>()));
        }
    }

    #[test]
    fn a_partition_is_always_one_of_them(key in any::<u64>(), partitions in 1u16..) {
        prop_assert!(partition_of(key, partitions) < partitions);
    }
}
