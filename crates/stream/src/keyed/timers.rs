//! Timers: a function asks to be called for a key at a time.
//!
//! The truth is a table of state, each key's times, so that a checkpoint has them; beside it is an index in the order
//! of time, made anew at a restore. An entry of the index whose time the table does not have was deleted and is passed over.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_state::KeyGroupRange;

use super::backend::KeyedBackend;
use super::descriptor::ValueStateDescriptor;
use super::value::ValueState;
use super::{KeyOf, hash_of};
use crate::data::Key;
use crate::failure::Result;

/// The name of the table in checkpoints.
const TABLE: &str = "_timers";

/// Which clock a timer goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeDomain {
    /// The watermark.
    EventTime,
    /// The clock of the machine.
    ProcessingTime,
}

/// The times of one key, each list in order and without repetitions.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
struct TimesOfKey {
    event: Vec<i64>,
    processing: Vec<i64>,
}

impl TimesOfKey {
    fn of(&mut self, domain: TimeDomain) -> &mut Vec<i64> {
        match domain {
            TimeDomain::EventTime => &mut self.event,
            TimeDomain::ProcessingTime => &mut self.processing,
        }
    }

    fn is_empty(&self) -> bool {
        self.event.is_empty() && self.processing.is_empty()
    }
}

/// An entry of the index. Those of one time come in the order of their keys' hashes.
struct Due<K> {
    time: i64,
    of: KeyOf<K>,
}

impl<K> Due<K> {
    fn place(&self) -> (i64, u64) {
        (self.time, self.of.hash)
    }
}

impl<K> PartialEq for Due<K> {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl<K> Eq for Due<K> {}

impl<K> PartialOrd for Due<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Due<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.place().cmp(&other.place())
    }
}

type Index<K> = BinaryHeap<Reverse<Due<K>>>;

/// The timers of one operator of one subtask.
pub(crate) struct Timers<K> {
    times: ValueState<TimesOfKey>,
    event: Index<K>,
    processing: Index<K>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self {
            times: ValueState::default(),
            event: Index::new(),
            processing: Index::new(),
        }
    }
}

impl<K: Key> Timers<K> {
    /// Makes the table, with what a checkpoint holds of it.
    pub(crate) fn open(&mut self, backend: &mut KeyedBackend<K>, range: KeyGroupRange) -> Result {
        self.times = backend.value_state(ValueStateDescriptor::new(TABLE))?;
        let table = backend.table::<TimesOfKey>(self.times.slot()?);
        for group in range.iter() {
            table.for_each(group, |key, times| {
                let due = |&time: &i64| {
                    let (key, hash) = (key.clone(), hash_of(key));
                    let of = KeyOf { key, hash, group };
                    Reverse(Due { time, of })
                };
                self.event.extend(times.event.iter().map(due));
                self.processing.extend(times.processing.iter().map(due));
            })?;
        }
        Ok(())
    }

    fn index(&mut self, domain: TimeDomain) -> &mut Index<K> {
        match domain {
            TimeDomain::EventTime => &mut self.event,
            TimeDomain::ProcessingTime => &mut self.processing,
        }
    }

    /// A timer that is there already is not added again.
    pub(crate) fn register(
        &mut self,
        backend: &mut KeyedBackend<K>,
        of: &KeyOf<K>,
        domain: TimeDomain,
        time: i64,
    ) -> Result {
        let table = backend.table::<TimesOfKey>(self.times.slot()?);
        let times = table.entry(of, TimesOfKey::default)?.of(domain);
        if let Err(place) = times.binary_search(&time) {
            times.insert(place, time);
            let of = of.clone();
            self.index(domain).push(Reverse(Due { time, of }));
        }
        Ok(())
    }

    /// Removes a timer; says whether it was there.
    pub(crate) fn delete(
        &mut self,
        backend: &mut KeyedBackend<K>,
        of: &KeyOf<K>,
        domain: TimeDomain,
        time: i64,
    ) -> Result<bool> {
        let table = backend.table::<TimesOfKey>(self.times.slot()?);
        let Some(times) = table.get_mut(of)? else {
            return Ok(false);
        };
        let Ok(place) = times.of(domain).binary_search(&time) else {
            return Ok(false);
        };
        times.of(domain).remove(place);
        if times.is_empty() {
            table.delete(of);
        }
        Ok(true)
    }

    /// Takes out the first timer whose time has come.
    pub(crate) fn take_due(
        &mut self,
        backend: &mut KeyedBackend<K>,
        domain: TimeDomain,
        now: i64,
    ) -> Result<Option<(i64, KeyOf<K>)>> {
        while self.first(domain).is_some_and(|time| time <= now) {
            let Reverse(due) = self.index(domain).pop().expect("there is a first one");
            if self.delete(backend, &due.of, domain, due.time)? {
                return Ok(Some((due.time, due.of)));
            }
        }
        Ok(None)
    }

    /// How many timers there are at most; deleted ones may still be counted.
    pub(crate) fn len(&self, domain: TimeDomain) -> usize {
        match domain {
            TimeDomain::EventTime => self.event.len(),
            TimeDomain::ProcessingTime => self.processing.len(),
        }
    }

    /// The time of the first timer, which may have been deleted.
    pub(crate) fn first(&self, domain: TimeDomain) -> Option<i64> {
        let index = match domain {
            TimeDomain::EventTime => &self.event,
            TimeDomain::ProcessingTime => &self.processing,
        };
        index.peek().map(|Reverse(due)| due.time)
    }
}
