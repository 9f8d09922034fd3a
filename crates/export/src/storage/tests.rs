use tempfile::TempDir;

use super::*;
use crate::Batch;
use crate::sent::Sent;

const LONG: Duration = Duration::from_secs(60);

fn mark(upto: u64) -> Mark {
    Mark { source: 1, upto }
}

fn open_within(dir: &TempDir, log_end: u64, wait_max: Duration) -> (Storage, Start) {
    let options = SpoolOptions {
        dir: dir.path().to_owned(),
        bytes_max: 1 << 20,
    };
    Storage::open(&options, &[mark(log_end)], wait_max).unwrap()
}

fn open(dir: &TempDir, log_end: u64) -> (Storage, Start) {
    open_within(dir, log_end, LONG)
}

/// A position at batch 3 and record 30, with batch 4 in the spool, and a sender process that noted batch 4.
fn left_by_a_crash() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (storage, _) = open(&dir, 0);
    storage.position.take(3, &[mark(30)]).unwrap();
    let mut batch = Batch::new();
    batch.push("a", &[7; 9], 2);
    batch.mark(mark(40));
    storage.spool.append(4, &batch).unwrap();
    let sent = Sent::open(dir.path(), LONG).unwrap();
    sent.note(4, &[mark(40)]).unwrap();
    dir
}

#[test]
fn what_a_sender_process_noted_is_not_sent_again() {
    let dir = left_by_a_crash();
    let (storage, start) = open(&dir, 50);
    assert_eq!((start.found.len(), start.next_number), (0, 5));
    assert_eq!(start.marks.of(1), Some(40));
    assert!(!dir.path().join("sent").exists(), "it is in the position now");
    drop(storage);
    let (_, start) = open(&dir, 50);
    assert_eq!((start.next_number, start.marks.of(1)), (5, Some(40)));
}

#[test]
fn a_sender_process_that_still_works_is_not_waited_for_longer_than_said() {
    let dir = left_by_a_crash();
    let still_there = Sent::open(dir.path(), LONG).unwrap();
    let (storage, start) = open_within(&dir, 50, Duration::ZERO);
    assert_eq!((start.found.len(), start.next_number), (1, 5), "the spool has it");
    still_there.note(5, &[mark(50)]).unwrap();
    drop((storage, still_there));
    let (_, start) = open(&dir, 50);
    assert_eq!(start.found.len(), 1, "what it says is about other batches");
    assert_eq!(start.marks.of(1), Some(40), "the spool reaches so far");
}

#[test]
fn a_log_that_ends_before_what_was_noted_counts() {
    let dir = left_by_a_crash();
    let (_, start) = open(&dir, 35);
    assert_eq!(start.marks.of(1), Some(35));
    let (_, start) = open(&dir, 60);
    assert_eq!(start.marks.of(1), Some(35), "those records are others by now");
}
