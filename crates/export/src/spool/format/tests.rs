use proptest::prelude::*;

use super::*;

fn batch() -> Batch {
    let mut batch = Batch::new();
    batch.push("everspan.invocation", &[1, 2, 3], 2);
    batch.push("my::Type", &[4; 9], 1);
    batch.mark(Mark { source: 3, upto: 77 });
    batch
}

#[test]
fn the_bytes_of_a_file_are_pinned() {
    let mut bytes = file_header().to_vec();
    assert!(encode(5, &batch(), &mut bytes));
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        hex,
        "4556535053504f4c01000000d7859920\
         37000000030000000500000000000000010000005d11a8577a28894f\
         03004d00000000000000\
         13000000657665727370616e2e696e766f636174696f6e03000000010203080000006d793a3a5479706509000000040404040404040404"
    );
}

#[test]
fn a_name_is_a_number_or_not_ours() {
    let cases = [
        ("00000000000000000007.spans", Some(7)),
        ("7.spans", None),
        ("00000000000000000007.span", None),
        ("position", None),
        ("+0000000000000000007.spans", None),
    ];
    for (name, number) in cases {
        assert_eq!(file_number(name), number, "{name}");
    }
}

#[test]
fn a_file_of_another_version_is_told_from_a_damaged_one() {
    let mut newer = file_header();
    newer[8] = 2;
    let checksum = crc32c::crc32c(&newer[..12]);
    newer[12..].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(check_file_header(&newer), Err(BadFile::Version(2)));
    assert_eq!(check_file_header(&file_header()), Ok(()));
    for at in 0..FILE_HEADER_SIZE {
        let mut damaged = file_header();
        damaged[at] ^= 1;
        assert_eq!(check_file_header(&damaged), Err(BadFile::NoHeader), "byte {at}");
        assert_eq!(check_file_header(&file_header()[..at]), Err(BadFile::NoHeader));
    }
}

#[test]
fn an_entry_with_any_bit_turned_or_any_byte_missing_is_damaged() {
    let mut bytes = Vec::new();
    assert!(encode(5, &batch(), &mut bytes));
    for at in 0..bytes.len() {
        assert_eq!(decode(&bytes[..at]), None, "cut at {at}");
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            assert_eq!(decode(&damaged), None, "bit {bit} of byte {at}");
        }
    }
}

proptest! {
    #[test]
    fn a_batch_comes_back_as_it_was(
        scopes in prop::collection::vec(("[a-z.:]{0,12}", prop::collection::vec(any::<u8>(), 0..50)), 0..5),
        spans in 0_usize..1000,
        marks in prop::collection::vec((any::<u16>(), any::<u64>()), 0..20),
        number in any::<u64>(),
    ) {
        let mut batch = Batch::numbered(number);
        let mut count = spans;
        for (scope, encoded) in &scopes {
            batch.push(scope, encoded, std::mem::take(&mut count));
        }
        for (source, upto) in marks {
            batch.mark(Mark { source, upto });
        }
        let mut bytes = Vec::new();
        prop_assert!(encode(number, &batch, &mut bytes));
        prop_assert_eq!(decode(&bytes), Some(batch));
    }

    #[test]
    fn arbitrary_bytes_are_read_without_a_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        body in 0_u32..150,
        marks in 0_u32..5,
        repair in any::<bool>(),
    ) {
        // Bytes whose checksums are right reach further than random ones.
        if repair && bytes.len() > HEADER_SIZE {
            bytes[..4].copy_from_slice(&body.to_le_bytes());
            bytes[16..20].copy_from_slice(&marks.to_le_bytes());
            let end = (HEADER_SIZE + marks as usize * MARK_SIZE).min(bytes.len());
            bytes.truncate(end + body as usize);
            let sum = crc32c::crc32c(&bytes[end..]);
            bytes[20..24].copy_from_slice(&sum.to_le_bytes());
            let sum = header_checksum(&bytes[..24], &bytes[HEADER_SIZE..end]);
            bytes[24..28].copy_from_slice(&sum.to_le_bytes());
        }
        if let Some(batch) = decode(&bytes) {
            prop_assert!(batch.bytes() <= bytes.len());
        }
        prop_assert!(check_file_header(&bytes).is_err() || bytes.starts_with(b"EVSPSPOL"));
    }
}
