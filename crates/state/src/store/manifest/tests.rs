use proptest::prelude::*;

use super::*;

fn example() -> Manifest {
    let handle = |label: &str, bytes: &'static [u8], content| Handle {
        label: label.to_owned(),
        name: FileName::of(bytes),
        content,
    };
    Manifest {
        checkpoint: 7,
        job: "job".to_owned(),
        run: "run-1".to_owned(),
        is_savepoint: false,
        created_ms: 1_700_000_000_000,
        tasks: vec![TaskState {
            task: "partition".to_owned(),
            key_groups: 8,
            parts: vec![Part {
                range: KeyGroupRange::of_owner(0, 2, 8),
                position: 42,
                format: "lsm-1".to_owned(),
                handles: vec![
                    handle("v3", b"three", Content::Inline(Bytes::from_static(b"three"))),
                    handle("tables/9", b"nine", Content::Stored),
                ],
            }],
        }],
        attachments: vec![Attachment {
            name: "deployments.json".to_owned(),
            bytes: Bytes::from_static(b"{}"),
        }],
    }
}

#[test]
fn a_manifest_is_read_back() {
    let manifest = example();
    let read = Manifest::decode(&manifest.encode()).unwrap();
    assert_eq!(read, manifest);
    assert_eq!(read.stored().collect::<Vec<_>>(), [FileName::of(b"nine")]);
    assert_eq!(read.full_bytes(), 9);
}

#[test]
fn the_bytes_of_version_1_stay_what_they_are() {
    let bytes = example().encode();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, include_str!("../../../tests/manifest-1.hex").trim());
}

#[test]
fn every_changed_bit_and_every_cut_is_noticed() {
    let bytes = example().encode();
    for length in 0..bytes.len() {
        assert!(Manifest::decode(&bytes[..length]).is_err(), "cut at {length}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(Manifest::decode(&damaged).is_err(), "bit {bit}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Manifest::decode(&bytes).is_err());
        // A body whose checksum is right, but which is not a manifest.
        let mut claimed = MAGIC.to_vec();
        claimed.extend_from_slice(&VERSION.to_le_bytes());
        claimed.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        claimed.extend_from_slice(&bytes);
        claimed.extend_from_slice(&xxh3_128(&claimed).to_le_bytes());
        drop(Manifest::decode(&claimed));
    }
}
