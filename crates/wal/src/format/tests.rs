use super::{
    Group, GroupHeader, HeaderCheck, Kind, Place, Record, check_header, encode_group_header, encode_header,
    encode_record, group_at, is_proven_synced, place_records, segment_name, segment_number, used_length,
};

const AT: Place = Place {
    segment: 4,
    offset: 32,
};

fn group(at: Place, synced_to: u64, payloads: &[&[u8]]) -> Vec<u8> {
    let mut body = Vec::new();
    for (seq, payload) in (1..).zip(payloads) {
        encode_record(
            &mut body,
            Record {
                partition: 2,
                seq,
                payload,
            },
        );
    }
    place_records(&mut body, at.plus(24));
    let length = u32::try_from(body.len()).unwrap();
    let header = GroupHeader {
        kind: Kind::Records,
        length,
        synced_to,
    };
    [encode_group_header(header, at).as_slice(), &body].concat()
}

fn segment(groups: &[Vec<u8>]) -> Vec<u8> {
    [encode_header(AT.segment, 1).to_vec(), groups.concat()].concat()
}

fn payloads(group: Group<'_>) -> Option<Vec<Vec<u8>>> {
    let records = group.records();
    records
        .map(|record| record.map(|record| record.payload.to_vec()))
        .collect()
}

#[test]
fn a_group_reads_back_what_was_written() {
    let file = segment(&[group(AT, 32, &[b"one", b"", b"three"])]);
    let read = group_at(&file, AT).unwrap();
    assert_eq!(read.end(), file.len() as u64);
    assert_eq!(read.header.synced_to, 32);
    assert_eq!(
        payloads(read).unwrap(),
        [b"one".to_vec(), b"".to_vec(), b"three".to_vec()]
    );
}

#[test]
fn the_same_bytes_elsewhere_are_not_a_group() {
    let bytes = group(AT, 0, &[b"stale"]);
    let file = segment(&[bytes]);
    let moved = [&file[..32], &[0], &file[32..]].concat();
    assert!(group_at(&moved, Place { offset: 33, ..AT }).is_none());
    assert!(group_at(&file, Place { segment: 5, ..AT }).is_none());
}

#[test]
fn a_changed_byte_never_passes() {
    let file = segment(&[group(AT, 32, &[b"one", b"two"])]);
    for index in 32..file.len() {
        let mut changed = file.clone();
        changed[index] ^= 0x10;
        let read = group_at(&changed, AT).and_then(payloads);
        assert_eq!(read, None, "byte {index}");
    }
}

#[test]
fn a_later_group_proves_what_it_says_was_synced() {
    let first = group(AT, 32, &[b"one"]);
    let next = Place {
        offset: AT.offset + first.len() as u64,
        ..AT
    };
    let check = |synced_to, expected| {
        let mut file = segment(&[first.clone(), group(next, synced_to, &[b"two"])]);
        file[40] ^= 1;
        assert_eq!(is_proven_synced(&file, AT), expected, "synced to {synced_to}");
    };
    check(32, false);
    check(next.offset, true);
}

#[test]
fn segment_names_are_exact() {
    assert_eq!(segment_name(12), "00000000000000000012.wal");
    let cases: [(&str, Option<u64>); 6] = [
        ("00000000000000000012.wal", Some(12)),
        ("00000000000000000000.wal", None),
        ("12.wal", None),
        ("+0000000000000000012.wal", None),
        ("00000000000000000012.wal.bak", None),
        ("99999999999999999999.wal", None),
    ];
    for (name, number) in cases {
        assert_eq!(segment_number(name), number, "{name}");
    }
}

#[test]
fn a_header_tells_its_own_kind_of_wrong() {
    let good = encode_header(4, 1);
    let check = |bytes: &[u8], expected| assert_eq!(check_header(bytes, 4), expected);
    check(&[&good[..], &[1]].concat(), HeaderCheck::Good);
    check(&good, HeaderCheck::Empty);
    check(&[0; 4096], HeaderCheck::Empty);
    check(&[], HeaderCheck::Empty);
    check(&good[..9], HeaderCheck::Empty);
    check(b"hello", HeaderCheck::Foreign);
    check(&encode_header(4, 2), HeaderCheck::OtherVersion(2));
    check(&encode_header(5, 1), HeaderCheck::Damaged);
    check(&[&[0; 32][..], b"x"].concat(), HeaderCheck::Foreign);
}

#[test]
fn zeros_at_the_end_are_unused() {
    let mut file = vec![0; 10_000];
    assert_eq!(used_length(&file), 0);
    for last in [0, 1, 4095, 4096, 9_999] {
        file[last] = 1;
        assert_eq!(used_length(&file), last + 1);
    }
}
