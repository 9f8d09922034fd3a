//! Random lives of a log on a simulated disk: appends, syncs, trims, full disks, failed syncs, killed
//! processes, power failures. After each, what was acknowledged is there, in order, nothing invented.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::convert::Infallible;

use everspan_wal::sim_disk::{Faults, SimRng};
use everspan_wal::{AppendError, Batch, Log, OpenError, Options, Recovery, SimDisk};

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    partition: u16,
    seq: u64,
    payload: Vec<u8>,
}

/// What must, may and must not be in the log.
struct Model {
    rng: SimRng,
    /// Everything handed to the log, in order, since its first record.
    history: Vec<Entry>,
    /// Entries acknowledged: they must be there.
    acked: usize,
    /// Up to here each partition may be trimmed.
    persisted: BTreeMap<u16, u64>,
    /// Entries known to be gone from the front.
    trimmed: usize,
}

enum LifeEnd {
    Killed,
    PowerFailed,
}

impl Model {
    fn new(seed: u64) -> Model {
        let rng = SimRng::new(seed ^ 0xabcd);
        Model {
            rng,
            history: Vec::new(),
            acked: 0,
            persisted: BTreeMap::new(),
            trimmed: 0,
        }
    }

    /// One process: open, check, work, end somehow.
    fn live(&mut self, disk: &SimDisk) -> LifeEnd {
        let options = Options {
            segment_bytes: [300, 700, 2000, 20_000][self.rng.below(4)],
            ..Options::default()
        };
        let faults = self.draw_faults(disk);
        disk.set_faults(faults);
        let opened = Log::open(disk.clone(), options);
        let (mut log, recovery) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                assert!(
                    matches!(error, OpenError::Io { .. }),
                    "no crash is damage: {error}"
                );
                return self.end_of(disk);
            }
        };
        self.check_content(&log, &recovery);
        for _ in 0..self.rng.below(40) {
            if self.step(&mut log, disk).is_err() {
                return self.end_of(disk);
            }
        }
        self.end_of(disk)
    }

    fn draw_faults(&mut self, disk: &SimDisk) -> Faults {
        let soon = |rng: &mut SimRng, one_in| {
            rng.one_in(one_in)
                .then(|| disk.calls() + 1 + rng.below(60) as u64)
        };
        Faults {
            crash_at: soon(&mut self.rng, 2),
            fail_sync_at: soon(&mut self.rng, 3),
            fail_write_at: soon(&mut self.rng, 6),
            capacity_bytes: None,
            short_writes: self.rng.one_in(3),
        }
    }

    fn end_of(&mut self, disk: &SimDisk) -> LifeEnd {
        if disk.is_crashed() || self.rng.one_in(2) {
            LifeEnd::PowerFailed
        } else {
            LifeEnd::Killed
        }
    }

    fn step(&mut self, log: &mut Log<SimDisk>, disk: &SimDisk) -> Result<(), ()> {
        match self.rng.below(10) {
            0..=4 => self.append(log, disk),
            5..=7 => {
                log.sync().map_err(|_| ())?;
                self.acked = self.history.len();
                Ok(())
            }
            8 => log.mark().map_err(|_| ()),
            _ => self.trim(log),
        }
    }

    fn append(&mut self, log: &mut Log<SimDisk>, disk: &SimDisk) -> Result<(), ()> {
        let batches: Vec<Batch> = (0..1 + self.rng.below(3)).map(|_| self.batch()).collect();
        if self.rng.one_in(6) {
            disk.set_capacity(Some(self.rng.below(4000) as u64));
        }
        let mut written = 0;
        while written < batches.len() {
            match log.append_some(&batches[written..]) {
                Ok(taken) => written += taken,
                Err(AppendError::Full { .. }) => disk.set_capacity(None),
                Err(AppendError::Failed(_)) => return Err(()),
                Err(error) => panic!("{error}"),
            }
        }
        disk.set_capacity(None);
        Ok(())
    }

    fn batch(&mut self) -> Batch {
        let mut batch = Batch::new();
        for _ in 0..self.rng.below(4) {
            let partition = u16::try_from(self.rng.below(3)).unwrap();
            let seq = self.last(partition) + 1;
            let byte = u8::try_from(self.rng.below(256)).unwrap();
            let payload = vec![byte; self.rng.below(200)];
            batch.push(partition, seq, &payload);
            self.history.push(Entry {
                partition,
                seq,
                payload,
            });
        }
        batch
    }

    fn last(&self, partition: u16) -> u64 {
        let mut entries = self.history.iter().rev();
        entries
            .find(|entry| entry.partition == partition)
            .map_or(0, |entry| entry.seq)
    }

    fn trim(&mut self, log: &mut Log<SimDisk>) -> Result<(), ()> {
        let upto = self.rng.below(self.acked + 1);
        for entry in &self.history[..upto] {
            let persisted = self.persisted.entry(entry.partition).or_default();
            *persisted = entry.seq.max(*persisted);
        }
        log.trim(&self.persisted).map(|_| ()).map_err(|_| ())
    }

    /// The log holds one contiguous stretch of the history that leaves out only what it may.
    fn check_content(&mut self, log: &Log<SimDisk>, recovery: &Recovery) {
        let found = read_all(log, 0);
        let start = self.history.len().min(self.find_start(&found));
        assert_eq!(
            found[..],
            self.history[start..start + found.len()],
            "invented or reordered"
        );
        assert!(
            start + found.len() >= self.acked,
            "an acknowledged record is gone"
        );
        assert!(start >= self.trimmed, "a trimmed record came back");
        for entry in &self.history[..start] {
            assert!(
                entry.seq <= self.persisted[&entry.partition],
                "trimmed too much: {entry:?}"
            );
        }
        self.trimmed = start;
        self.history.truncate(start + found.len());
        self.acked = self.history.len();
        for (&partition, &seq) in &recovery.last {
            assert_eq!(self.last(partition), seq);
        }
        let mut first = BTreeMap::new();
        for entry in &found {
            first.entry(entry.partition).or_insert(entry.seq);
        }
        assert_eq!(recovery.first, first);
        assert!(!recovery.is_whole || start == 0, "it lacks {start} records");
        let later: Vec<Entry> = found.into_iter().filter(|entry| entry.seq > 5).collect();
        assert_eq!(read_all(log, 5), later);
    }

    fn find_start(&self, found: &[Entry]) -> usize {
        let Some(first) = found.first() else {
            return self.acked;
        };
        let mut entries = self.history.iter();
        let is_first = |entry: &Entry| (entry.partition, entry.seq) == (first.partition, first.seq);
        entries
            .position(is_first)
            .expect("the first record was appended once")
    }
}

fn read_all(log: &Log<SimDisk>, after: u64) -> Vec<Entry> {
    let mut found = Vec::new();
    let replayed = log.replay(
        |_| after,
        |record| {
            let payload = record.payload.to_vec();
            found.push(Entry {
                partition: record.partition,
                seq: record.seq,
                payload,
            });
            Ok::<(), Infallible>(())
        },
    );
    replayed.unwrap();
    found
}

fn check(seed: u64) {
    let mut model = Model::new(seed);
    let mut disk = SimDisk::new(seed);
    for _ in 0..6 {
        match model.live(&disk) {
            LifeEnd::Killed => {}
            LifeEnd::PowerFailed => disk = disk.crash(),
        }
    }
    disk.set_faults(Faults::default());
    let (log, recovery) = Log::open(disk, Options::default())
        .unwrap_or_else(|error| panic!("seed {seed}: a good disk does not open: {error}"));
    model.check_content(&log, &recovery);
}

#[test]
fn what_was_acknowledged_survives_every_life() {
    let seeds = std::env::var("EVERSPAN_WAL_SEEDS")
        .ok()
        .and_then(|seeds| seeds.parse().ok());
    for seed in 0..seeds.unwrap_or(2000) {
        let result = std::panic::catch_unwind(|| check(seed));
        assert!(result.is_ok(), "seed {seed} fails");
    }
}

#[test]
fn a_power_failure_within_any_single_call_loses_nothing_acknowledged() {
    for crash_at in 1..80 {
        for seed in 0..8 {
            let disk = SimDisk::new(seed);
            disk.set_faults(Faults {
                crash_at: Some(crash_at),
                ..Faults::default()
            });
            let acked = append_until_failure(&disk);
            let (_, recovery) = Log::open(disk.crash(), Options::default()).unwrap();
            let last = recovery.last.get(&1).copied().unwrap_or(0);
            assert!((acked..=acked + 1).contains(&last), "call {crash_at} seed {seed}");
        }
    }
}

fn append_until_failure(disk: &SimDisk) -> u64 {
    let options = Options {
        segment_bytes: 400,
        ..Options::default()
    };
    let Ok((mut log, _)) = Log::open(disk.clone(), options) else {
        return 0;
    };
    let mut batch = Batch::new();
    for seq in 1.. {
        batch.clear();
        batch.push(1, seq, &[9; 90]);
        if log.append(&batch).is_err() || log.sync().is_err() {
            return seq - 1;
        }
    }
    unreachable!("the disk fails sooner")
}
