//! What a log does when its disk refuses.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::convert::Infallible;

use everspan_wal::sim_disk::Faults;
use everspan_wal::{AppendError, Batch, Log, Options, SimDisk, SyncError, TrimError};

fn options() -> Options {
    Options {
        segment_bytes: 500,
        ..Options::default()
    }
}

fn open(disk: &SimDisk) -> Log<SimDisk> {
    Log::open(disk.clone(), options()).unwrap().0
}

fn one(seq: u64, payload: &[u8]) -> Batch {
    let mut batch = Batch::new();
    batch.push(1, seq, payload);
    batch
}

fn payloads(log: &Log<SimDisk>) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    let visited = log.replay(
        |_| 0,
        |record| {
            payloads.push(record.payload.to_vec());
            Ok::<(), Infallible>(())
        },
    );
    visited.unwrap();
    payloads
}

#[test]
fn after_a_failed_sync_every_call_fails_alike_and_nothing_is_written() {
    let disk = SimDisk::new(1);
    let mut log = open(&disk);
    for seq in 1..=20 {
        log.append(&one(seq, &[1; 50])).unwrap();
    }
    disk.set_faults(Faults {
        fail_sync_at: Some(0),
        ..Faults::default()
    });
    let SyncError(failure) = log.sync().unwrap_err();
    let calls = disk.calls();
    for _ in 0..3 {
        assert_eq!(log.sync(), Err(SyncError(failure.clone())));
        assert_eq!(
            log.append(&one(21, b"no")),
            Err(AppendError::Failed(failure.clone()))
        );
        assert_eq!(log.mark(), Err(AppendError::Failed(failure.clone())));
        let trimmed = log.trim(&BTreeMap::from([(1, 20)]));
        assert!(matches!(trimmed, Err(TrimError::Failed(same)) if same == failure));
    }
    assert_eq!(disk.calls(), calls);
}

#[test]
fn a_failed_write_is_a_failed_log() {
    let disk = SimDisk::new(2);
    let mut log = open(&disk);
    log.append(&one(1, b"a")).unwrap();
    disk.set_faults(Faults {
        fail_write_at: Some(0),
        ..Faults::default()
    });
    let error = log.append(&one(2, b"b")).unwrap_err();
    assert!(matches!(&error, AppendError::Failed(failure) if failure.call == "write"));
    assert_eq!(log.append(&one(2, b"b")), Err(error));
}

#[test]
fn a_full_disk_keeps_the_log_healthy_and_the_same_batch_fits_later() {
    let disk = SimDisk::new(3);
    let mut log = open(&disk);
    let mut seq = 0;
    disk.set_capacity(Some(1100));
    let error = loop {
        seq += 1;
        if let Err(error) = log.append(&one(seq, &[7; 60])) {
            break error;
        }
    };
    assert!(matches!(&error, AppendError::Full { .. }), "{error}");
    assert_eq!(log.last(1), Some(seq - 1));
    assert_eq!(log.append(&one(seq, &[7; 60])), Err(error));
    log.sync().unwrap();
    assert_eq!(payloads(&open(&disk.crash())).len() as u64, seq - 1);
    disk.set_capacity(None);
    log.append(&one(seq, &[7; 60])).unwrap();
    log.sync().unwrap();
    assert_eq!(payloads(&open(&disk.crash())).len() as u64, seq);
}

#[test]
fn a_cleanly_stopped_log_opens_on_a_full_disk() {
    let disk = SimDisk::new(4);
    let mut log = open(&disk);
    log.append(&one(1, b"a")).unwrap();
    log.sync().unwrap();
    log.mark().unwrap();
    log.sync().unwrap();
    disk.set_capacity(Some(0));
    assert_eq!(payloads(&open(&disk)), [b"a"]);
}

/// A log whose last synced group has a mark behind it; of three groups behind the mark, written without
/// a sync, the first one is torn.
fn torn_behind_a_mark() -> SimDisk {
    let disk = SimDisk::new(5);
    let mut log = open(&disk);
    log.append(&one(1, b"kept")).unwrap();
    log.sync().unwrap();
    log.mark().unwrap();
    log.sync().unwrap();
    for seq in 2..=4 {
        log.append(&one(seq, b"lost")).unwrap();
    }
    let mut files = disk.files();
    let file = files.values_mut().next().unwrap();
    let torn = 32 + (24 + 24 + 4) + 24;
    file[torn..torn + 10].fill(0);
    SimDisk::from_files(6, files)
}

#[test]
fn groups_behind_a_cut_never_come_back() {
    let disk = torn_behind_a_mark();
    let (mut log, recovery) = Log::open(disk.clone(), options()).unwrap();
    assert_eq!(recovery.last[&1], 1);
    assert_eq!(recovery.torn_bytes, 3 * (24 + 24 + 4));
    log.append(&one(2, b"new")).unwrap();
    log.sync().unwrap();
    let (log, recovery) = Log::open(disk.crash(), options()).unwrap();
    assert_eq!(payloads(&log), [b"kept".to_vec(), b"new".to_vec()]);
    assert_eq!(recovery.torn_bytes, 0);
}

#[test]
fn a_cut_interrupted_by_a_power_failure_is_made_again() {
    for seed in 0..40 {
        for crash_at in 1..10 {
            let disk = SimDisk::from_files(seed, torn_behind_a_mark().files());
            disk.set_faults(Faults {
                crash_at: Some(crash_at),
                ..Faults::default()
            });
            let opened = Log::open(disk.clone(), options());
            assert_eq!(opened.is_ok(), !disk.is_crashed());
            assert_eq!(
                payloads(&open(&disk.crash())),
                [b"kept"],
                "seed {seed} call {crash_at}"
            );
        }
    }
}

#[test]
fn a_skipped_or_repeated_record_is_refused_and_harms_nothing() {
    let mut log = open(&SimDisk::new(7));
    log.append(&one(10, b"first")).unwrap();
    for found in [9, 10, 12] {
        let refused = log.append(&one(found, b"wrong"));
        assert_eq!(
            refused,
            Err(AppendError::OutOfSequence {
                partition: 1,
                expected: 11,
                found
            })
        );
    }
    log.append(&one(11, b"second")).unwrap();
    assert_eq!(payloads(&log), [b"first".to_vec(), b"second".to_vec()]);
}

#[test]
fn a_batch_larger_than_a_segment_gets_its_own() {
    let disk = SimDisk::new(8);
    let mut log = open(&disk);
    for seq in 1..=4 {
        log.append(&one(seq, &[3; 2000])).unwrap();
    }
    log.sync().unwrap();
    assert_eq!(disk.files().len(), 4);
    assert_eq!(payloads(&open(&disk.crash())), vec![vec![3; 2000]; 4]);
}
