use std::fs;

use proptest::prelude::*;

use super::*;

fn slot() -> Slot {
    let mut marks = Marks::default();
    marks.raise(Mark { source: 3, upto: 77 });
    marks.raise(Mark {
        source: 65_535,
        upto: u64::MAX,
    });
    Slot {
        generation: 9,
        taken: 8,
        synced: 7,
        marks,
    }
}

fn encoded(slot: &Slot) -> Vec<u8> {
    let mut bytes = Vec::new();
    slot.encode(&mut bytes);
    bytes
}

fn marks(upto: u64) -> [Mark; 1] {
    [Mark { source: 1, upto }]
}

#[test]
fn the_bytes_of_a_slot_are_pinned() {
    let hex: String = encoded(&slot())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        hex,
        "45565350504f534e0100000002000000090000000000000008000000000000000700000000000000\
         03004d00000000000000ffffffffffffffffffffe552debb"
    );
}

#[test]
fn a_slot_with_any_bit_turned_or_any_byte_missing_is_damaged() {
    let bytes = encoded(&slot());
    assert_eq!(Slot::decode(&bytes), Ok(slot()));
    for at in 0..bytes.len() {
        assert_eq!(Slot::decode(&bytes[..at]), Err(BadSlot::Damaged), "cut at {at}");
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert_eq!(Slot::decode(&damaged), Err(BadSlot::Damaged), "bit {bit} of {at}");
        }
    }
}

#[test]
fn what_was_taken_is_known_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let position = Position::open(dir.path()).unwrap();
    assert_eq!(position.found(), PositionFound::Nothing);
    let mut baseline = Marks::default();
    baseline.raise_all(&marks(5));
    position.begin(0, baseline).unwrap();
    for number in 1..10 {
        position.take(number, &marks(5 + number)).unwrap();
        let again = Position::open(dir.path()).unwrap();
        assert_eq!(again.found(), PositionFound::Whole);
        assert_eq!((again.taken(), again.synced()), (number, number - 1));
        assert_eq!(again.marks().of(1), Some(5 + number));
        position.sync(number).unwrap();
    }
}

#[test]
fn a_write_torn_at_any_byte_leaves_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(NAME);
    let position = Position::open(dir.path()).unwrap();
    position.begin(0, Marks::default()).unwrap();
    position.take(1, &marks(11)).unwrap();
    let before = fs::read(&path).unwrap();
    position.take(2, &marks(22)).unwrap();
    let after = fs::read(&path).unwrap();
    let changed: Vec<usize> = (0..after.len())
        .filter(|at| before.get(*at) != Some(&after[*at]))
        .collect();
    for torn in changed {
        let mut bytes = after.clone();
        bytes[torn] = before.get(torn).copied().unwrap_or(0);
        fs::write(&path, &bytes).unwrap();
        let found = Position::open(dir.path()).unwrap();
        assert_eq!((found.taken(), found.marks().of(1)), (1, Some(11)), "byte {torn}");
        // Nothing but a prefix of the write.
        let mut bytes = after.clone();
        let end = before.len().min(bytes.len());
        bytes[torn..end].copy_from_slice(&before[torn..end]);
        bytes.truncate(end);
        fs::write(&path, &bytes).unwrap();
        let found = Position::open(dir.path()).unwrap();
        assert_eq!(found.taken(), 1, "all from byte {torn} on");
    }
}

#[test]
fn a_damaged_file_is_told_from_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(NAME), "not a position").unwrap();
    let position = Position::open(dir.path()).unwrap();
    assert_eq!(position.found(), PositionFound::Damaged);
    assert_eq!((position.taken(), position.marks().of(1)), (0, None));
}

#[test]
fn a_position_of_a_newer_version_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = encoded(&slot());
    bytes[8] = 2;
    let end = bytes.len() - 4;
    let checksum = crc32c::crc32c(&bytes[..end]);
    bytes[end..].copy_from_slice(&checksum.to_le_bytes());
    fs::write(dir.path().join(NAME), &bytes).unwrap();
    let error = Position::open(dir.path()).unwrap_err().to_string();
    assert!(
        error.contains("position` cannot be used: it is of format 2"),
        "{error}"
    );
    assert_eq!(fs::read(dir.path().join(NAME)).unwrap(), bytes);
}

proptest! {
    #[test]
    fn a_slot_comes_back_as_it_was(
        numbers in any::<[u64; 3]>(),
        pairs in prop::collection::vec((any::<u16>(), any::<u64>()), 0..50),
    ) {
        let mut marks = Marks::default();
        for (source, upto) in pairs {
            marks.raise(Mark { source, upto });
        }
        let slot = Slot { generation: numbers[0], taken: numbers[1], synced: numbers[2], marks };
        prop_assert_eq!(Slot::decode(&encoded(&slot)), Ok(slot));
    }

    #[test]
    fn arbitrary_files_are_read_without_a_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        marks in any::<u32>(),
        is_ours in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        if is_ours && bytes.len() >= 16 {
            bytes[..8].copy_from_slice(MAGIC);
            bytes[12..16].copy_from_slice(&marks.to_le_bytes());
        }
        fs::write(dir.path().join(NAME), &bytes).unwrap();
        let position = Position::open(dir.path()).unwrap();
        prop_assert_eq!(position.taken(), 0);
    }
}
