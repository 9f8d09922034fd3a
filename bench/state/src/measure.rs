//! One backend, measured.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::Result;
use crate::keyed::{Keyed, mix, value};
use crate::places::{Cost, Places};

/// Checkpoints after each of which one key of a hundred changes.
const ROUNDS: u64 = 40;
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
    /// Updates per second without checkpoints and with one each second, each the best of its turns.
    pub(crate) alone: f64,
    pub(crate) beside: f64,
    pub(crate) pause_max: Duration,
    pub(crate) from_copy: Restored,
    pub(crate) from_store: Restored,
}

#[derive(Clone, Copy)]
pub(crate) struct Restored {
    pub(crate) bytes: u64,
    pub(crate) took: Duration,
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
    let began = Instant::now();
    let (part, bytes) = places.fetch(from_copy, &dir.join("fetched"))?;
    let to = dir.join("restored");
    let (state, _) = K::restore(part, &to)?;
    let took = began.elapsed();
    drop(state);
    if to.exists() {
        std::fs::remove_dir_all(&to)?;
    }
    let bytes = bytes.local_memory + bytes.local_disk + bytes.remote;
    Ok(Restored { bytes, took })
}

/// Updates per second without checkpoints and with one each second, and the longest pause of the owner.
fn throughput<K: Keyed>(
    state: &mut K,
    places: &mut Places,
    updates: &mut Updates,
) -> Result<(f64, f64, Duration)> {
    let (mut alone, mut beside) = (0.0f64, 0.0f64);
    let mut pause_max = Duration::ZERO;
    for _ in 0..TURNS {
        alone = alone.max(turn(state, updates, |_| Ok(()))?);
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
        beside = beside.max(rate);
    }
    Ok((alone, beside, pause_max))
}

/// Updates per second, over one turn.
fn turn<K: Keyed>(
    state: &mut K,
    updates: &mut Updates,
    mut between: impl FnMut(&mut K) -> Result<()>,
) -> Result<f64> {
    let (began, before) = (Instant::now(), updates.number);
    while began.elapsed() < TURN {
        updates.some(state, 1000)?;
        between(state)?;
    }
    let count = u32::try_from(updates.number - before)?;
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}
