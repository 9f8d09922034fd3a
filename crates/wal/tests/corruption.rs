//! Damage to synced bytes is refused or harmless, never a wrong payload.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::convert::Infallible;

use everspan_wal::{Batch, Log, OpenError, Options, SimDisk};

type Found = Vec<(u16, u64, Vec<u8>)>;

fn options() -> Options {
    Options {
        segment_bytes: 500,
        ..Options::default()
    }
}

/// Three segments: two closed, one open; the last group carries a mark behind it if `marked`.
fn written(marked: bool) -> SimDisk {
    let disk = SimDisk::new(3);
    let (mut log, _) = Log::open(disk.clone(), options()).unwrap();
    let mut batch = Batch::new();
    for seq in 1..=9 {
        batch.clear();
        batch.push(1, seq, format!("payload {seq}").as_bytes());
        batch.push(2, seq, &[7; 40]);
        log.append(&batch).unwrap();
        log.sync().unwrap();
    }
    if marked {
        log.mark().unwrap();
        log.sync().unwrap();
    }
    let disk = disk.crash();
    assert_eq!(disk.files().len(), 3);
    disk
}

fn read(disk: SimDisk) -> Result<Found, OpenError> {
    let (log, _) = Log::open(disk, options())?;
    let mut found = Found::new();
    let visited = log.replay(
        |_| 0,
        |record| {
            found.push((record.partition, record.seq, record.payload.to_vec()));
            Ok::<(), Infallible>(())
        },
    );
    visited.unwrap();
    Ok(found)
}

fn with_each_byte_changed(disk: &SimDisk, mut check: impl FnMut(&str, usize, SimDisk)) {
    for (name, content) in disk.files() {
        for index in 0..content.len() {
            for mask in [0x01, 0x80, 0xff] {
                let mut files = disk.files();
                files.get_mut(&name).unwrap()[index] ^= mask;
                check(&name, index, SimDisk::from_files(5, files));
            }
        }
    }
}

#[test]
fn any_changed_byte_of_a_marked_log_is_refused_or_harmless() {
    let disk = written(true);
    let expected = read(disk.crash()).unwrap();
    let (mut refused, mut harmless) = (0, 0);
    with_each_byte_changed(&disk, |name, index, changed| match read(changed) {
        Err(_) => refused += 1,
        Ok(found) => {
            assert_eq!(found, expected, "byte {index} of {name}");
            harmless += 1;
        }
    });
    assert!(refused > harmless, "{refused} refused, {harmless} harmless");
}

#[test]
fn any_changed_byte_of_an_unmarked_log_costs_at_most_the_last_group() {
    let disk = written(false);
    let expected = read(disk.crash()).unwrap();
    let cut = &expected[..expected.len() - 2];
    with_each_byte_changed(&disk, |name, index, changed| {
        if let Ok(found) = read(changed) {
            assert!(found == expected || found == cut, "byte {index} of {name}");
        }
    });
}

/// What opening says after `change` was done to the files of a good log.
fn check(change: impl Fn(&mut std::collections::BTreeMap<String, Vec<u8>>), expected: &str) {
    let mut files = written(true).files();
    change(&mut files);
    let error = read(SimDisk::from_files(1, files)).expect_err("it must be refused");
    assert_eq!(error.to_string(), expected);
}

fn name(number: u64) -> String {
    format!("{number:020}.wal")
}

#[test]
fn each_refusal_says_what_to_look_at() {
    check(
        |files| drop(files.remove(&name(2))),
        "segment 00000000000000000002.wal is missing between others",
    );
    check(
        |files| drop(files.insert("notes.txt".into(), vec![])),
        "notes.txt is not a segment of this log",
    );
    check(
        |files| drop(files.insert(name(4), b"something else".to_vec())),
        "00000000000000000004.wal is not a segment of this log",
    );
    check(
        |files| files.get_mut(&name(1)).unwrap()[100] ^= 1,
        "segment 00000000000000000001.wal is damaged at offset 32: \
         an earlier segment must be whole up to its seal",
    );
    check(
        |files| files.get_mut(&name(1)).unwrap()[20] ^= 1,
        "segment 00000000000000000001.wal is damaged at offset 0: \
         the segment header is not the one that was written",
    );
    check(
        |files| files.get_mut(&name(3)).unwrap()[40] ^= 1,
        "segment 00000000000000000003.wal is damaged at offset 32: \
         a later group proves that this was synced",
    );
}

#[test]
fn a_segment_of_another_log_breaks_the_sequence() {
    let disk = SimDisk::new(9);
    let (mut log, _) = Log::open(disk.clone(), options()).unwrap();
    let mut batch = Batch::new();
    for seq in 101..=130 {
        batch.clear();
        batch.push(1, seq, &[1; 60]);
        log.append(&batch).unwrap();
    }
    log.sync().unwrap();
    check(
        |files| drop(files.insert(name(2), disk.files()[&name(2)].clone())),
        "segment 00000000000000000002.wal holds seq 105 of partition 1 where 4 had to follow",
    );
}
