use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;

use super::format::HEADER_SIZE;
use super::*;
use crate::Mark;

const ROOM: u64 = 1 << 30;

fn batch(number: u64, bytes: usize) -> Batch {
    let mut batch = Batch::numbered(number);
    let byte = u8::try_from(number % 251).unwrap();
    batch.push("scope", &vec![byte; bytes], 3);
    batch.mark(Mark {
        source: 1,
        upto: number * 10,
    });
    batch
}

fn open(dir: &Path, bytes_max: u64, taken: u64, synced: u64) -> (Spool, Recovered) {
    let recovered = recover(dir, taken, synced).unwrap();
    (Spool::new(dir, bytes_max, &recovered), recovered)
}

fn numbers(recovered: &Recovered) -> Vec<u64> {
    recovered.entries.iter().map(|found| found.number).collect()
}

fn files(dir: &Path) -> Vec<String> {
    let mut files: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    files
}

/// A spool with batches 1 to `count` of this size.
fn filled(bytes_max: u64, count: u64, bytes: usize) -> (TempDir, Spool) {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path(), bytes_max, 0, 0);
    for number in 1..=count {
        spool.append(number, &batch(number, bytes)).unwrap();
    }
    (dir, spool)
}

fn copy(from: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    for name in files(from) {
        fs::copy(from.join(&name), to.path().join(&name)).unwrap();
    }
    to
}

/// All that was found can be read, and is what was written.
fn check_contents(dir: &Path, recovered: &Recovered, bytes: usize) {
    let mut reader = Reader::new(dir);
    for found in &recovered.entries {
        assert_eq!(
            reader.read(found.place),
            Ok(batch(found.number, bytes)),
            "{found:?}"
        );
    }
}

#[test]
fn what_was_written_is_there_at_the_next_start_in_order() {
    let (dir, spool) = filled(ROOM, 5, 1000);
    drop(spool);
    let (spool, recovered) = open(dir.path(), ROOM, 2, 0);
    assert_eq!(numbers(&recovered), [3, 4, 5], "two were delivered");
    assert_eq!(recovered.marks.of(1), Some(50));
    assert_eq!(recovered.entries[0].spans, 3);
    check_contents(dir.path(), &recovered, 1000);
    spool.append(6, &batch(6, 1000)).unwrap();
    let (_, recovered) = open(dir.path(), ROOM, 2, 0);
    assert_eq!((numbers(&recovered), recovered.last), (vec![3, 4, 5, 6], 6));
}

#[test]
fn room_comes_back_file_by_file() {
    let dir = tempfile::tempdir().unwrap();
    let (spool, _) = open(dir.path(), 160_000, 0, 0);
    let places: Vec<Place> = (1..=30)
        .map(|number| spool.append(number, &batch(number, 4000)).unwrap())
        .collect();
    assert_eq!(files(dir.path()).len(), 15, "two batches in each");
    let full = spool.bytes();
    assert!(!spool.release(places[0]));
    assert_eq!(spool.bytes(), full);
    assert!(spool.release(places[1]), "the first file is done with");
    assert_eq!(files(dir.path()).len(), 14);
    for place in &places[2..] {
        spool.release(*place);
    }
    assert_eq!((spool.bytes(), files(dir.path())), (0, vec![]));
    spool.append(31, &batch(31, 10)).unwrap();
    assert_eq!(files(dir.path()), ["00000000000000000031.spans"]);
}

#[test]
fn the_limit_is_never_passed() {
    let (dir, spool) = filled(20_000, 3, 5000);
    assert!(matches!(
        spool.append(4, &batch(4, 5000)),
        Err(AppendError::NoRoom)
    ));
    spool.append(4, &batch(4, 1000)).unwrap();
    let on_disk: u64 = files(dir.path())
        .iter()
        .map(|name| fs::metadata(dir.path().join(name)).unwrap().len())
        .sum();
    assert_eq!(spool.bytes(), on_disk);
    assert!(on_disk <= 20_000);
}

#[test]
fn a_limit_of_nothing_takes_nothing_but_gives_what_is_there() {
    let (dir, spool) = filled(ROOM, 2, 100);
    drop(spool);
    let (spool, recovered) = open(dir.path(), 0, 0, 0);
    assert_eq!(numbers(&recovered), [1, 2]);
    assert!(matches!(spool.append(3, &batch(3, 1)), Err(AppendError::NoRoom)));
}

#[test]
fn a_file_torn_anywhere_behind_the_last_sync_keeps_what_was_synced() {
    let (dir, spool) = filled(ROOM, 3, 20);
    spool.sync().unwrap();
    let name = files(dir.path()).remove(0);
    let bytes = fs::read(dir.path().join(&name)).unwrap();
    let entry = (bytes.len() - 16) / 3;
    let torn = tempfile::tempdir().unwrap();
    for synced in 0..3 {
        let safe = 16 + entry * usize::try_from(synced).unwrap();
        for length in safe..bytes.len() {
            // What was not written yet is missing, or is whatever the disk had there before.
            let mut filled_up = bytes[..length].to_vec();
            filled_up.resize(bytes.len(), u8::try_from(length % 3).unwrap());
            let contents = [&bytes[..length], &filled_up][length % 2];
            fs::write(torn.path().join(&name), contents).unwrap();
            let recovered = recover(torn.path(), 0, synced).unwrap();
            assert!(recovered.last >= synced, "cut at {length}");
            let whole = (1..=recovered.last).collect::<Vec<u64>>();
            assert_eq!(numbers(&recovered), whole);
            check_contents(torn.path(), &recovered, 20);
            assert!(recovered.marks.of(1).unwrap_or(0) <= recovered.last * 10);
            let again = recover(torn.path(), 0, recovered.last).unwrap();
            assert_eq!(numbers(&again), whole, "the torn end is cut off");
        }
    }
}

#[test]
fn damage_in_what_was_promised_costs_no_more_than_the_file() {
    let (dir, spool) = filled(160_000, 6, 4000);
    spool.sync().unwrap();
    assert_eq!(files(dir.path()).len(), 3, "two batches in each");
    let damage = |file: usize, at: usize| {
        let damaged = copy(dir.path());
        let path = damaged.path().join(&files(damaged.path())[file]);
        let mut bytes = fs::read(&path).unwrap();
        bytes[at] ^= 1;
        fs::write(&path, bytes).unwrap();
        damaged
    };
    let in_header = damage(1, 20);
    assert_eq!(numbers(&recover(in_header.path(), 0, 6).unwrap()), [1, 2, 5, 6]);
    let in_file_header = damage(1, 3);
    assert_eq!(
        numbers(&recover(in_file_header.path(), 0, 6).unwrap()),
        [1, 2, 5, 6]
    );
    let in_body = damage(1, 16 + HEADER_SIZE + 100);
    let recovered = recover(in_body.path(), 0, 6).unwrap();
    assert_eq!(numbers(&recovered), [1, 2, 3, 4, 5, 6], "found when it is read");
    let mut reader = Reader::new(in_body.path());
    assert_eq!(
        reader.read(recovered.entries[2].place),
        Err("its checksum is wrong".to_owned())
    );
    assert!(reader.read(recovered.entries[3].place).is_ok());
}

#[test]
fn a_spool_of_a_newer_version_is_left_alone() {
    let (dir, spool) = filled(ROOM, 1, 10);
    drop(spool);
    let path = dir.path().join("00000000000000000001.spans");
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 2;
    let checksum = crc32c::crc32c(&bytes[..12]);
    bytes[12..16].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let error = recover(dir.path(), 0, 0).unwrap_err().to_string();
    assert!(
        error.contains("00000000000000000001.spans` cannot be used: it is of format 2"),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn files_of_others_are_left_alone() {
    let (dir, spool) = filled(ROOM, 1, 10);
    drop(spool);
    for name in ["notes.txt", "7.spans", "position"] {
        fs::write(dir.path().join(name), "mine").unwrap();
    }
    assert!(numbers(&recover(dir.path(), 1, 0).unwrap()).is_empty());
    assert_eq!(files(dir.path()), ["7.spans", "notes.txt", "position"]);
}

#[test]
fn a_directory_that_went_away_is_an_error_and_no_more() {
    let (dir, spool) = filled(0, 0, 0);
    drop(dir);
    assert!(matches!(spool.append(1, &batch(1, 10)), Err(AppendError::NoRoom)));
    let (dir, spool) = filled(ROOM, 0, 0);
    drop(dir);
    assert!(matches!(
        spool.append(1, &batch(1, 10)),
        Err(AppendError::Disk(_))
    ));
    assert_eq!(spool.bytes(), 0);
}

/// One thing that happens to a spool.
#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    Sync,
    DeliverOldest,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_usize..3000).prop_map(Step::Append),
        1 => Just(Step::Sync),
        2 => Just(Step::DeliverOldest),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// After any history, a crash that tears the file written last loses nothing that was synced.
    #[test]
    fn nothing_synced_is_lost_whatever_happens(
        steps in prop::collection::vec(step(), 1..40),
        torn_bytes in 0_usize..4000,
        garbage in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (mut spool, _) = open(dir.path(), 60_000, 0, 0);
        let mut waiting: Vec<(u64, Place, usize)> = Vec::new();
        let (mut next, mut taken, mut synced) = (1, 0, 0);
        let mut unsynced_bytes = 0;
        for step in steps {
            match step {
                Step::Append(bytes) => {
                    if let Ok(place) = spool.append(next, &batch(next, bytes)) {
                        waiting.push((next, place, bytes));
                        unsynced_bytes += place.bytes;
                        next += 1;
                    }
                }
                Step::Sync => {
                    spool.sync().unwrap();
                    synced = next - 1;
                    unsynced_bytes = 0;
                }
                Step::DeliverOldest if !waiting.is_empty() => {
                    let (number, place, _) = waiting.remove(0);
                    taken = number;
                    spool.release(place);
                }
                Step::DeliverOldest => {}
                Step::Restart => {
                    let (reopened, recovered) = open(dir.path(), 60_000, taken, synced);
                    prop_assert_eq!(recovered.entries.len(), waiting.len());
                    spool = reopened;
                    synced = next - 1; // a start syncs what it finds
                    unsynced_bytes = 0;
                }
            }
            let on_disk: u64 = files(dir.path())
                .iter()
                .map(|name| fs::metadata(dir.path().join(name)).unwrap().len())
                .sum();
            prop_assert_eq!(spool.bytes(), on_disk);
            prop_assert!(on_disk <= 60_000);
        }
        drop(spool);
        if let Some(last) = files(dir.path()).last() {
            let path = dir.path().join(last);
            let mut bytes = fs::read(&path).unwrap();
            let torn = torn_bytes.min(usize::try_from(unsynced_bytes).unwrap());
            bytes.truncate(bytes.len().saturating_sub(torn));
            bytes.extend_from_slice(&garbage);
            fs::write(&path, bytes).unwrap();
        }
        let recovered = recover(dir.path(), taken, synced).unwrap();
        let found = numbers(&recovered);
        for (number, _, _) in waiting.iter().filter(|(number, _, _)| *number <= synced) {
            prop_assert!(found.contains(number), "{number} of {found:?}");
        }
        let mut reader = Reader::new(dir.path());
        for found in &recovered.entries {
            let (_, _, bytes) = waiting.iter().find(|(number, _, _)| *number == found.number).unwrap();
            prop_assert_eq!(reader.read(found.place), Ok(batch(found.number, *bytes)));
        }
    }

    #[test]
    fn arbitrary_files_are_read_without_a_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300),
        has_header in any::<bool>(),
        taken in 0_u64..5,
        synced in 0_u64..5,
    ) {
        let dir = tempfile::tempdir().unwrap();
        if has_header {
            bytes.splice(..0, format::file_header());
        }
        fs::write(dir.path().join("00000000000000000001.spans"), &bytes).unwrap();
        let recovered = recover(dir.path(), taken, synced).unwrap();
        let mut reader = Reader::new(dir.path());
        for found in &recovered.entries {
            drop(reader.read(found.place));
        }
    }
}
