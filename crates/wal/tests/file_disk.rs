//! The log on real files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use everspan_wal::{Batch, Committer, FileDisk, FileDiskError, Log, LogEvent, Options};

/// However slow the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

fn options() -> Options {
    Options {
        segment_bytes: 1000,
        ..Options::default()
    }
}

fn open(dir: &Path) -> (Log<FileDisk>, BTreeMap<u16, u64>) {
    let (log, recovery) = Log::open(FileDisk::open(dir).unwrap(), options()).unwrap();
    (log, recovery.last)
}

fn seqs(log: &Log<FileDisk>, after: u64) -> Vec<u64> {
    let mut seqs = Vec::new();
    let visited = log.replay(
        |_| after,
        |record| {
            assert_eq!(record.payload, format!("payload {}", record.seq).as_bytes());
            seqs.push(record.seq);
            Ok::<(), Infallible>(())
        },
    );
    visited.unwrap();
    seqs
}

fn push(log: &mut Log<FileDisk>, range: std::ops::RangeInclusive<u64>) {
    let mut batch = Batch::new();
    for seq in range {
        batch.clear();
        batch.push(4, seq, format!("payload {seq}").as_bytes());
        log.append(&batch).unwrap();
    }
    log.sync().unwrap();
}

fn segments(dir: &Path) -> Vec<u64> {
    let entries = std::fs::read_dir(dir).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut numbers: Vec<u64> = names
        .filter_map(|name| name.strip_suffix(".wal")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}

#[test]
fn a_log_rolls_trims_and_reopens() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("data/log");
    let (mut log, last) = open(&dir);
    assert!(last.is_empty());
    push(&mut log, 1..=60);
    let before = segments(&dir);
    assert!(before.len() > 3, "{before:?}");
    assert_eq!(log.counters().segments(), before.len() as u64);
    assert_eq!(log.counters().records(), 60);

    assert_eq!(log.trim(&BTreeMap::from([(9, 60)])).unwrap(), 0);
    let removed = log.trim(&BTreeMap::from([(4, 30)])).unwrap();
    assert!(removed > 0);
    assert_eq!(segments(&dir).len() as u64, before.len() as u64 - removed);
    drop(log);

    let (mut log, last) = open(&dir);
    assert_eq!(last, BTreeMap::from([(4, 60)]));
    assert_eq!(seqs(&log, 30), (31..=60).collect::<Vec<_>>());
    push(&mut log, 61..=70);
    assert_eq!(seqs(&log, 58), (59..=70).collect::<Vec<_>>());
}

#[test]
fn a_torn_end_is_cut_and_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path());
    push(&mut log, 1..=3);
    drop(log);
    let file = dir.path().join("00000000000000000001.wal");
    let mut content = std::fs::read(&file).unwrap();
    let used = content.iter().rposition(|byte| *byte != 0).unwrap();
    content[used] ^= 1;
    std::fs::write(&file, &content).unwrap();

    let (mut log, recovery) = Log::open(FileDisk::open(dir.path()).unwrap(), options()).unwrap();
    assert_eq!(recovery.last, BTreeMap::from([(4, 2)]));
    assert_eq!(recovery.torn_bytes, 24 + 24 + 9);
    push(&mut log, 3..=4);
    drop(log);
    let (log, _) = open(dir.path());
    assert_eq!(seqs(&log, 0), [1, 2, 3, 4]);
}

#[test]
fn two_logs_never_share_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let first = FileDisk::open(dir.path()).unwrap();
    let second = FileDisk::open(dir.path());
    assert!(matches!(second, Err(FileDiskError::InUse(_))));
    drop(first);
    assert!(FileDisk::open(dir.path()).is_ok());
}

#[test]
fn many_threads_share_few_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(FileDisk::open(dir.path()).unwrap(), Options::default()).unwrap();
    let (tell, told) = channel();
    let committer = Committer::start(log, move |event| {
        if let LogEvent::Committed(last) = event {
            drop(tell.send(last.to_vec()));
        }
    });
    let committer = committer.unwrap();
    std::thread::scope(|scope| {
        for partition in 0..4 {
            let committer = &committer;
            scope.spawn(move || {
                for seq in 1..=500 {
                    let mut batch = committer.batch();
                    batch.push(partition, seq, b"payload");
                    committer.submit(batch).unwrap();
                }
            });
        }
    });
    let mut committed = BTreeMap::new();
    while committed.values().sum::<u64>() < 2000 {
        committed.extend(told.recv_timeout(PATIENCE).unwrap());
    }
    assert_eq!(committer.counters().records(), 2000);
    assert!(
        committer.counters().syncs() < 1000,
        "{}",
        committer.counters().syncs()
    );
    committer.stop();
    let (_, last) = open(dir.path());
    assert_eq!(last, committed);
}
