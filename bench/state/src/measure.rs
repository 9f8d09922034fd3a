//! One backend, measured.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::Result;
use crate::clock;
use crate::keyed::{Keyed, mix, value};
use crate::places::{Cost, Places};

/// Checkpoints before each of which one key of a hundred changes: so many that a compaction rewrites everything once.
const ROUNDS: u64 = 72;
/// How long updates are counted, with checkpoints and without, in turns.
const TURN: Duration = Duration::from_secs(5);
const TURNS: usize = 4;
const INTERVAL: Duration = Duration::from_secs(1);

/// What was measured of one backend.
pub(crate) struct Measured {
    pub(crate) name: &'static str,
    pub(crate) first: Cost,
    pub(crate) unchanged: Cost,
    /// One checkpoint for every round.
    pub(crate) rounds: Vec<Cost>,
    /// Updates without checkpoints and with one each second.
    pub(crate) alone: Rate,
    pub(crate) beside: Rate,
    pub(crate) pause_max: Duration,
    pub(crate) from_copy: Restored,
    pub(crate) from_store: Restored,
}

#[derive(Clone, Copy)]
pub(crate) struct Restored {
    pub(crate) bytes: u64,
    pub(crate) took: Duration,
    /// CPU time of all threads.
    pub(crate) cpu: Duration,
}

/// Updates per second, each the best of its turns.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rate {
    pub(crate) wall: f64,
    /// Per second of the owner's CPU time.
    pub(crate) cpu: f64,
}

impl Rate {
    fn best(self, other: Self) -> Self {
        Self {
            wall: self.wall.max(other.wall),
            cpu: self.cpu.max(other.cpu),
        }
    }
}

pub(crate) fn run<K: Keyed>(name: &'static str, keys: u64) -> Result<Measured> {
    eprintln!("{name}: {keys} keys");
    // Beside the build output: /tmp may be in memory.
    let dir = tempfile::tempdir_in(".")?;
    let mut places = Places::open(dir.path())?;
    let mut state = K::create(&dir.path().join("state"))?;
    let mut updates = Updates { keys, number: 0 };
    for key in 0..keys {
        state.update(key, &value(key))?;
        if key % 1000 == 0 {
            state.maintain()?;
        }
    }
    let first = checkpoint(&mut state, &mut places)?;
    // Compactions of what was loaded travel with a checkpoint of their own.
    state.rest();
    checkpoint(&mut state, &mut places)?;
    let unchanged = checkpoint(&mut state, &mut places)?;
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        updates.some(&mut state, keys / 100)?;
        rounds.push(checkpoint(&mut state, &mut places)?);
    }
    let from_copy = restore::<K>(&places, true, dir.path())?;
    let from_store = restore::<K>(&places, false, dir.path())?;
    let (alone, beside, pause_max) = throughput(&mut state, &mut places, &mut updates)?;
    Ok(Measured {
        name,
        first,
        unchanged,
        rounds,
        alone,
        beside,
        pause_max,
        from_copy,
        from_store,
    })
}

/// Random keys, each time other ones.
struct Updates {
    keys: u64,
    number: u64,
}

impl Updates {
    fn some(&mut self, state: &mut impl Keyed, count: u64) -> Result<()> {
        for _ in 0..count {
            self.number += 1;
            state.update(mix(self.number) % self.keys, &value(self.number))?;
        }
        state.maintain()
    }
}

fn checkpoint<K: Keyed>(state: &mut K, places: &mut Places) -> Result<Cost> {
    let began = Instant::now();
    let snapshot = state.snapshot()?;
    places.checkpoint(snapshot, began)
}

fn restore<K: Keyed>(places: &Places, from_copy: bool, dir: &Path) -> Result<Restored> {
    let (began, cpu_began) = (Instant::now(), clock::process_ns());
    let (part, bytes) = places.fetch(from_copy, &dir.join("fetched"))?;
    let to = dir.join("restored");
    let (state, _) = K::restore(part, &to)?;
    let took = began.elapsed();
    let cpu = Duration::from_nanos(clock::process_ns() - cpu_began);
    drop(state);
    if to.exists() {
        std::fs::remove_dir_all(&to)?;
    }
    let bytes = bytes.local_memory + bytes.local_disk + bytes.remote;
    Ok(Restored { bytes, took, cpu })
}

/// Updates per second without checkpoints and with one each second, and the longest pause of the owner.
fn throughput<K: Keyed>(
    state: &mut K,
    places: &mut Places,
    updates: &mut Updates,
) -> Result<(Rate, Rate, Duration)> {
    let (mut alone, mut beside) = (Rate::default(), Rate::default());
    let mut pause_max = Duration::ZERO;
    for _ in 0..TURNS {
        alone = alone.best(turn(state, updates, |_| Ok(()))?);
        let rate = std::thread::scope(|scope| {
            // One checkpoint at a time: while one is under way the next waits.
            let (give, take) = mpsc::sync_channel::<(K::Snapshot, Instant)>(0);
            let places = &mut *places;
            let writer = scope.spawn(move || -> std::result::Result<(), String> {
                for (snapshot, began) in take {
                    places
                        .checkpoint(snapshot, began)
                        .map_err(|error| error.to_string())?;
                }
                Ok(())
            });
            let mut due = Instant::now() + INTERVAL;
            let rate = turn(state, updates, |state| {
                let now = Instant::now();
                if now < due {
                    return Ok(());
                }
                due = now + INTERVAL;
                let snapshot = state.snapshot()?;
                pause_max = pause_max.max(now.elapsed());
                // Not taken: the one before is still under way.
                drop(give.try_send((snapshot, now)));
                Ok(())
            });
            drop(give);
            let written = writer.join().expect("the writer does not panic");
            written.map_err(Box::<dyn std::error::Error>::from)?;
            rate
        })?;
        beside = beside.best(rate);
    }
    Ok((alone, beside, pause_max))
}

/// Updates per second, over one turn.
fn turn<K: Keyed>(
    state: &mut K,
    updates: &mut Updates,
    mut between: impl FnMut(&mut K) -> Result<()>,
) -> Result<Rate> {
    let (began, before, cpu_began) = (Instant::now(), updates.number, clock::thread_ns());
    while began.elapsed() < TURN {
        updates.some(state, 1000)?;
        between(state)?;
    }
    let count = f64::from(u32::try_from(updates.number - before)?);
    let cpu = Duration::from_nanos(clock::thread_ns() - cpu_began);
    Ok(Rate {
        wall: count / began.elapsed().as_secs_f64(),
        cpu: count / cpu.as_secs_f64(),
    })
}
