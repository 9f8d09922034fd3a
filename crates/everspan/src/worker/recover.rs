//! Start-up is recovery: open log and state, replay what the state does not have, tell the spans nobody has.

use std::sync::Arc;
use std::time::{Duration, Instant};

use everspan_durable::effect::Effect;
use everspan_durable::machine::{Options, SpanOptions, Takers};
use everspan_durable::partition::{Partition, PartitionError};
use everspan_export::{Mark, Reporters, SpanWriter};
use everspan_state::{Backend, LsmBackend, LsmOptions, LsmShared, Owner};
use everspan_trace::catalog::INVOCATION_SCOPE;
use everspan_wal::{FileDisk, Log, Recovery};

use crate::checkpoints::{Logged, Place, Start, StartProgress};

use super::start::{BeginStart, OpenReporters, StartError, WorkersOptions, failed, mark_if_damaged};

/// Table files kept open by all partitions together.
const OPEN_TABLES_MAX: usize = 512;
/// Longest wait until the spans of a start are safe.
const SECURE: Duration = Duration::from_secs(10);
/// Spans of a replay that leave together.
const SPANS_TOGETHER: usize = 512;
/// Records of a replay after which it is told how far it is.
const TOLD_EVERY: u64 = 256;

/// What is there before the threads start.
pub(super) struct Recovered {
    pub(super) partitions: Vec<Partition<LsmBackend>>,
    pub(super) log: Log<FileDisk>,
    pub(super) reporters: Arc<Reporters>,
    pub(super) start: Start,
}

/// Opens log and state and replays. The start is told also when it fails, once the reporters are there.
pub(super) fn recover(
    options: &WorkersOptions,
    reporters: OpenReporters,
    begin: BeginStart,
) -> Result<Recovered, StartError> {
    let (log, recovery) = open_log(options)?;
    // The data directory is ours from here on: the log is locked.
    let mut start = begin().map_err(StartError)?;
    let states = open_states(options, &recovery, &mut start);
    let marks: Vec<Mark> = (0..options.partitions)
        .map(|number| end(&recovery, number, states.as_ref().ok()))
        .collect();
    let reporters = reporters(&marks).map_err(StartError)?;
    let mut spans = reporters.writer();
    let begun = Instant::now();
    let recovered = states
        .and_then(|states| replay_states(options, &log, &recovery, states, &reporters, start.progress()));
    let told = match &recovered {
        Ok(_) => start.up(begun.elapsed()),
        Err(error) => start.failed(&error.0),
    };
    told.iter().for_each(|span| spans.add(span, None));
    if !spans.secure().wait_timeout(SECURE) {
        tracing::warn!("the spans of this start are not safe yet");
    }
    Ok(Recovered {
        partitions: recovered?,
        log,
        reporters,
        start,
    })
}

fn replay_states(
    options: &WorkersOptions,
    log: &Log<FileDisk>,
    recovery: &Recovery,
    states: Vec<LsmBackend>,
    reporters: &Arc<Reporters>,
    progress: &StartProgress,
) -> Result<Vec<Partition<LsmBackend>>, StartError> {
    let open = |(number, state)| {
        let machine = machine_options(options, number, reporters);
        Partition::open(state, machine).map_err(|error| {
            mark_if_damaged(&options.partition_dir(number), &error);
            failed(format!("partition {number}: {error}"))
        })
    };
    let mut partitions = (0..).zip(states).map(open).collect::<Result<Vec<_>, _>>()?;
    replay(options, log, &mut partitions, &mut reporters.writer(), progress)?;
    check_ends(recovery, &partitions, &options.restored_at)?;
    Ok(partitions)
}

fn open_states(
    options: &WorkersOptions,
    recovery: &Recovery,
    start: &mut Start,
) -> Result<Vec<LsmBackend>, StartError> {
    let shared = LsmShared::start(options.cache_bytes, OPEN_TABLES_MAX).map_err(failed)?;
    let open = |number: u16| {
        let owner = Owner {
            partition: u32::from(number),
            partitions: u32::from(options.partitions),
            cluster: options.cluster.clone(),
        };
        let at = Place {
            partition: number,
            dir: &options.partition_dir(number),
            created: options.created,
            log: logged(recovery, number, &options.restored_at),
        };
        let state = LsmOptions::new(shared.clone(), owner);
        start.open(&at, &state).map_err(StartError)
    };
    (0..options.partitions).map(open).collect()
}

/// What the log has of a partition.
fn logged(recovery: &Recovery, partition: u16, restored_at: &[u64]) -> Logged {
    let first = recovery.first.get(&partition).copied();
    Logged {
        records: first.zip(recovery.last.get(&partition).copied()),
        has_files: recovery.segments > 0,
        is_whole: recovery.is_whole,
        restored_at: restored_at.get(usize::from(partition)).copied().unwrap_or(0),
    }
}

fn open_log(options: &WorkersOptions) -> Result<(Log<FileDisk>, Recovery), StartError> {
    if options.created && !options.log_dir.exists() {
        let dir = options.log_dir.display();
        return Err(StartError(format!(
            "{dir} is missing, and with it what was accepted last: bring it back"
        )));
    }
    let disk = FileDisk::open(&options.log_dir).map_err(failed)?;
    let log_options = everspan_wal::Options {
        segment_bytes: options.segment_bytes,
        ..Default::default()
    };
    Log::open(disk, log_options).map_err(failed)
}

/// The last record of a partition.
fn end(recovery: &Recovery, partition: u16, states: Option<&Vec<LsmBackend>>) -> Mark {
    let logged = recovery.last.get(&partition).copied().unwrap_or(0);
    let state = states.and_then(|states| states.get(usize::from(partition)));
    Mark {
        source: partition,
        upto: logged.max(state.map_or(0, Backend::applied)),
    }
}

fn machine_options(options: &WorkersOptions, partition: u16, reporters: &Arc<Reporters>) -> Options {
    Options {
        partition,
        partitions: options.partitions,
        eager_state_max: options.eager_state_max,
        spans: SpanOptions {
            events_max: options.events_max,
            keep: options.keep,
            told_to: reporters.position(partition),
            ..SpanOptions::new(takers(reporters))
        },
    }
}

/// Who takes the spans of invocations.
pub(crate) fn takers(reporters: &Arc<Reporters>) -> Takers {
    if reporters.is_empty() {
        return Takers::Nobody;
    }
    if reporters.takes_everything() {
        return Takers::Everything;
    }
    let reporters = Arc::clone(reporters);
    Takers::Named(Arc::new(move |name| reporters.takes(INVOCATION_SCOPE, name)))
}

/// The longest wait for the disk to take spans of a replay; then they are dropped and counted.
const ROOM_WAIT: Duration = Duration::from_secs(10);

/// Applies every record the states do not have; says how far it is, every few seconds.
fn replay(
    options: &WorkersOptions,
    log: &Log<FileDisk>,
    partitions: &mut [Partition<LsmBackend>],
    spans: &mut SpanWriter,
    progress: &StartProgress,
) -> Result<(), StartError> {
    let after: Vec<u64> = partitions.iter().map(Partition::applied).collect();
    let after = |partition: u16| after.get(usize::from(partition)).copied().unwrap_or(0);
    let (mut count, mut added, mut said) = (0_u64, 0, Instant::now());
    log.replay(after, |record| {
        let partition = partitions.get_mut(usize::from(record.partition)).ok_or_else(|| {
            StartError(format!(
                "the log has records of partition {}, there are fewer",
                record.partition
            ))
        })?;
        count += 1;
        if count % TOLD_EVERY == 1 {
            progress.replayed(count);
        }
        if said.elapsed() > Duration::from_secs(2) {
            said = Instant::now();
            tracing::info!(records = count, "replaying the log");
        }
        let replayed = partition.replay(record.seq, record.payload);
        let effects = replayed.map_err(|error: PartitionError| {
            mark_if_damaged(&options.partition_dir(record.partition), &error);
            failed(format!("partition {}: {error}", record.partition))
        })?;
        for effect in effects {
            if let Effect::Spans(told) = effect {
                spans.add_encoded(&told, Some((record.partition, record.seq)));
                added += told.count();
            }
        }
        if added >= SPANS_TOGETHER || spans.is_long() {
            added = 0;
            spans.push(&applied(partitions));
            // A replay is faster than a disk: what does not fit into memory goes to the spool first.
            spans.wait_for_room(ROOM_WAIT);
        }
        Ok::<(), StartError>(())
    })
    .map_err(failed)?;
    spans.push(&applied(partitions));
    if count > 0 {
        tracing::info!(records = count, "replayed the log");
    }
    Ok(())
}

/// All spans of the records applied so far were added.
fn applied(partitions: &[Partition<LsmBackend>]) -> Vec<Mark> {
    let mark = |(source, partition): (u16, &Partition<LsmBackend>)| Mark {
        source,
        upto: partition.applied(),
    };
    (0..).zip(partitions).map(mark).collect()
}

/// A log that ends before a state does has lost records that were synced. A partition of which the log has nothing
/// may have been trimmed away, but then the segment that is being written to is still there.
fn check_ends(
    recovery: &Recovery,
    partitions: &[Partition<LsmBackend>],
    restored_at: &[u64],
) -> Result<(), StartError> {
    for (number, partition) in (0_u16..).zip(partitions) {
        let applied = partition.applied();
        let log = logged(recovery, number, restored_at);
        let lost = match log.records {
            Some((_, last)) => last < applied,
            // A directory that was restored has no log of what was before.
            None => !log.has_files && applied > log.restored_at,
        };
        if lost {
            return Err(StartError(format!(
                "the log of partition {number} ends before record {applied}, which its state has: log files are missing"
            )));
        }
    }
    Ok(())
}
