use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::{Committer, LogEvent, LogStatus, SubmitError};
use crate::sim_disk::Faults;
use crate::{Batch, Log, Options, SimDisk};

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Committed(Vec<(u16, u64)>),
    Full,
    SpaceReturned,
    TrimFailed,
    Failed(String),
}

fn options() -> Options {
    Options {
        segment_bytes: 4096,
        full_retry_ms: 5,
        idle_mark_ms: 5,
        ..Options::default()
    }
}

fn start(disk: &SimDisk, options: Options) -> (Committer, Receiver<Told>) {
    let (log, _) = Log::open(disk.clone(), options).unwrap();
    let (tell, told) = channel();
    let committer = Committer::start(log, move |event| {
        let event = match event {
            LogEvent::Committed(last) => Told::Committed(last.to_vec()),
            LogEvent::Full { .. } => Told::Full,
            LogEvent::SpaceReturned => Told::SpaceReturned,
            LogEvent::TrimFailed(_) => Told::TrimFailed,
            LogEvent::Failed(reason) => Told::Failed(reason),
        };
        drop(tell.send(event));
    });
    (committer.unwrap(), told)
}

fn one(partition: u16, seq: u64, payload: &[u8]) -> Batch {
    let mut batch = Batch::new();
    batch.push(partition, seq, payload);
    batch
}

fn next(told: &Receiver<Told>) -> Told {
    told.recv_timeout(Duration::from_secs(10))
        .expect("the committer tells within ten seconds")
}

#[test]
fn everything_submitted_before_the_stop_is_committed_and_survives() {
    let disk = SimDisk::new(1);
    let (committer, told) = start(&disk, options());
    for seq in 1..=500 {
        committer.submit(one(1, seq, b"payload")).unwrap();
        committer.submit(one(2, seq, b"payload")).unwrap();
    }
    let counters = committer.queue.clone();
    committer.stop();
    assert_eq!(counters.status(), LogStatus::Healthy);
    let mut last = BTreeMap::new();
    for event in told.try_iter() {
        let Told::Committed(runs) = event else {
            panic!("unexpected {event:?}")
        };
        last.extend(runs);
    }
    assert_eq!(last, BTreeMap::from([(1, 500), (2, 500)]));
    let (_, recovery) = Log::open(disk.crash(), options()).unwrap();
    assert_eq!(recovery.last, last);
}

#[test]
fn a_failing_disk_is_never_acknowledged_and_never_written_again() {
    let disk = SimDisk::new(2);
    let (committer, told) = start(&disk, options());
    committer.submit(one(1, 1, b"good")).unwrap();
    assert_eq!(next(&told), Told::Committed(vec![(1, 1)]));
    disk.set_faults(Faults {
        fail_sync_at: Some(0),
        ..Faults::default()
    });
    committer.submit(one(1, 2, b"lost")).unwrap();
    let Told::Failed(reason) = next(&told) else {
        panic!("the failure was not told")
    };
    assert!(reason.contains("sync of"), "{reason}");
    assert_eq!(committer.status(), LogStatus::Failed(reason));
    let calls = disk.calls();
    let refused = committer.submit(one(1, 3, b"refused"));
    assert!(matches!(refused, Err(SubmitError::Failed(_))));
    committer.trim(BTreeMap::from([(1, 1)]));
    committer.stop();
    assert_eq!((disk.calls(), told.try_iter().count()), (calls, 0));
}

#[test]
fn a_full_disk_is_told_once_and_the_batch_goes_through_when_space_returns() {
    let disk = SimDisk::new(3);
    let (committer, told) = start(&disk, options());
    disk.set_capacity(Some(100));
    committer.submit(one(1, 1, &[7; 300])).unwrap();
    assert_eq!(next(&told), Told::Full);
    assert_eq!(committer.status(), LogStatus::Full);
    std::thread::sleep(Duration::from_millis(30));
    disk.set_capacity(None);
    assert_eq!(next(&told), Told::SpaceReturned);
    assert_eq!(next(&told), Told::Committed(vec![(1, 1)]));
    assert_eq!(committer.status(), LogStatus::Healthy);
}

#[test]
fn a_trim_makes_the_space_that_a_full_disk_waits_for() {
    let disk = SimDisk::new(4);
    let slow = Options {
        full_retry_ms: 600_000,
        segment_bytes: 512,
        ..options()
    };
    let (committer, told) = start(&disk, slow);
    disk.set_capacity(Some(1600));
    let mut committed = 0;
    loop {
        let seq = committed + 1;
        committer.submit(one(1, seq, &[7; 100])).unwrap();
        match next(&told) {
            Told::Full => break,
            event => assert_eq!(event, Told::Committed(vec![(1, seq)])),
        }
        committed = seq;
    }
    assert!(committed > 0);
    committer.trim(BTreeMap::from([(1, committed)]));
    let returned = next(&told);
    assert_eq!(returned, Told::SpaceReturned);
    committer.stop();
    assert!(told.try_iter().all(|event| event != Told::Full));
}

#[test]
fn stopping_on_a_full_disk_ends_and_acknowledges_nothing() {
    let disk = SimDisk::new(5);
    let (committer, told) = start(
        &disk,
        Options {
            full_retry_ms: 600_000,
            ..options()
        },
    );
    disk.set_capacity(Some(0));
    committer.submit(one(1, 1, b"never")).unwrap();
    assert_eq!(next(&told), Told::Full);
    committer.stop();
    assert_eq!(told.try_iter().count(), 0);
}

#[test]
fn the_limit_of_waiting_bytes_gives_the_batch_back() {
    let disk = SimDisk::new(6);
    let (committer, told) = start(
        &disk,
        Options {
            pending_bytes_max: 200,
            ..options()
        },
    );
    disk.set_capacity(Some(0));
    committer.submit(one(1, 1, &[0; 500])).unwrap();
    let Err(SubmitError::Busy(batch)) = committer.try_submit(one(1, 2, b"x")) else {
        panic!("there was no room")
    };
    assert_eq!(next(&told), Told::Full);
    disk.set_capacity(None);
    committer.submit(batch).unwrap();
    committer.stop();
    let told: Vec<Told> = told.try_iter().collect();
    assert_eq!(told.last(), Some(&Told::Committed(vec![(1, 2)])));
}

#[test]
fn a_gap_between_batches_fails_the_log() {
    let (committer, told) = start(&SimDisk::new(7), options());
    committer.submit(one(1, 1, b"a")).unwrap();
    assert_eq!(next(&told), Told::Committed(vec![(1, 1)]));
    committer.submit(one(1, 3, b"c")).unwrap();
    let reason = "partition 1 appended seq 3 where 2 had to follow".to_owned();
    assert_eq!(next(&told), Told::Failed(reason));
}

#[test]
fn a_panicking_receiver_fails_the_log_and_blocks_nobody() {
    let (log, _) = Log::open(SimDisk::new(8), options()).unwrap();
    let committer = Committer::start(log, |_| panic!("a bug in the receiver")).unwrap();
    committer.submit(one(1, 1, b"a")).unwrap();
    while committer.status() == LogStatus::Healthy {
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(committer.submit(one(1, 2, b"b")).is_err());
}
