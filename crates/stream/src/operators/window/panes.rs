//! What windows hold: one row of state per key and slice, and in what order they are due.

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_state::{KeyGroup, KeyGroupRange};
use hashbrown::HashTable;

use super::Slices;
use crate::data::{Key, StateValue};
use crate::failure::Result;
use crate::keyed::{KeyOf, KeyedBackend, ValueState, ValueStateDescriptor, hash_of};
use crate::operators::look_ahead::LOOK_AHEAD_RECORDS;
use crate::task::NO_WATERMARK;

/// The name of a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub(crate) enum Pane<K> {
    /// Of a key, in the slice that begins then.
    Slice(i64, K),
    /// Of a key group.
    Group,
}

/// The row of a key in a slice.
#[inline]
pub(crate) fn slice_pane<K: Key>(slice: i64, of: &KeyOf<K>) -> KeyOf<Pane<K>> {
    pane(of.group, Pane::Slice(slice, of.key.clone()))
}

/// What [`slice_pane`] was made of.
pub(crate) fn slice_and_key<K: Key>(pane: &KeyOf<Pane<K>>) -> (i64, KeyOf<K>) {
    let Pane::Slice(slice, key) = &pane.key else {
        unreachable!("records are added to slices");
    };
    let of = KeyOf {
        key: key.clone(),
        hash: hash_of(key),
        group: pane.group,
    };
    (*slice, of)
}

/// The row of a key group.
fn group_pane<K: Key>(group: KeyGroup) -> KeyOf<Pane<K>> {
    pane(group, Pane::Group)
}

#[inline]
fn pane<K: Key>(group: KeyGroup, key: Pane<K>) -> KeyOf<Pane<K>> {
    KeyOf {
        hash: hash_of(&key),
        key,
        group,
    }
}

/// See the module.
pub(crate) struct Panes<K, A> {
    pub(crate) backend: KeyedBackend<Pane<K>>,
    range: KeyGroupRange,
    slices: Slices,
    contents: ValueState<A>,
    fired: ValueState<i64>,
    /// The keys of each slice, an index of the rows.
    keys: BTreeMap<i64, Vec<KeyOf<K>>>,
    /// The last moment of the last window that came out, for each key group: a restored window does not come twice.
    fired_until: Vec<i64>,
    /// The ends of windows that are still to come out.
    pending: BTreeSet<i64>,
}

impl<K: Key, A: StateValue> Panes<K, A> {
    pub(crate) fn new(backend: KeyedBackend<Pane<K>>, range: KeyGroupRange, slices: Slices) -> Self {
        Self {
            backend,
            range,
            slices,
            contents: ValueState::default(),
            fired: ValueState::default(),
            keys: BTreeMap::new(),
            fired_until: range.iter().map(|_| NO_WATERMARK).collect(),
            pending: BTreeSet::new(),
        }
    }

    /// Makes the tables, with what a checkpoint holds of them.
    pub(crate) fn open(&mut self) -> Result {
        self.contents = self
            .backend
            .value_state(ValueStateDescriptor::new("window-contents"))?;
        self.fired = self
            .backend
            .value_state(ValueStateDescriptor::new("window-fired"))?;
        let fired = self.backend.table::<i64>(self.fired.slot()?);
        for (group, until) in self.range.iter().zip(&mut self.fired_until) {
            *until = *fired.get(&group_pane(group))?.unwrap_or(&NO_WATERMARK);
        }
        let contents = self.backend.table::<A>(self.contents.slot()?);
        for (group, &until) in self.range.iter().zip(&self.fired_until) {
            contents.for_each(group, |pane, _| {
                if let Pane::Slice(slice, key) = pane {
                    let (key, hash) = (key.clone(), hash_of(key));
                    let keys = self.keys.entry(*slice).or_default();
                    keys.push(KeyOf { key, hash, group });
                    let ends = self.slices.ends(*slice);
                    self.pending.extend(ends.filter(|end| end - 1 > until));
                }
            })?;
        }
        Ok(())
    }

    /// Up to which moment windows of a group have come out.
    #[inline]
    pub(crate) fn fired_until(&self, group: KeyGroup) -> i64 {
        self.fired_until[usize::from(group.0 - self.range.first().0)]
    }

    /// The row of a key in a slice. Windows that end after `watermark` are due some time.
    #[inline]
    pub(crate) fn row(
        &mut self,
        pane: &KeyOf<Pane<K>>,
        watermark: i64,
        make: impl FnOnce() -> A,
    ) -> Result<&mut A> {
        let (keys, pending, slices) = (&mut self.keys, &mut self.pending, &self.slices);
        let table = self.backend.table::<A>(self.contents.slot()?);
        table.entry(pane, || {
            let (slice, of) = slice_and_key(pane);
            let keys = keys.entry(slice).or_insert_with(|| {
                pending.extend(slices.ends(slice).filter(|end| end - 1 > watermark));
                Vec::new()
            });
            keys.push(of);
            make()
        })
    }

    /// What a key has in a slice.
    pub(crate) fn get(&mut self, slice: i64, of: &KeyOf<K>) -> Result<Option<A>> {
        let table = self.backend.table::<A>(self.contents.slot()?);
        Ok(table.get(&slice_pane(slice, of))?.cloned())
    }

    /// The end of the first window that is to come out.
    pub(crate) fn next_end(&self) -> Option<i64> {
        self.pending.first().copied()
    }

    /// The end of a window whose last moment is reached; the window is not told again.
    pub(crate) fn take_due(&mut self, watermark: i64) -> Option<i64> {
        let due = self.next_end().filter(|end| end - 1 <= watermark)?;
        self.pending.remove(&due);
        Some(due)
    }

    /// All keys that have something in the slices of a window, with the sum of it. `keeps` tells whether a slice is
    /// needed after that.
    pub(crate) fn merged(
        &mut self,
        end: i64,
        mut merge: impl FnMut(&mut A, A),
        keeps: impl Fn(i64) -> bool,
    ) -> Result<Vec<(KeyOf<K>, A)>> {
        let in_window = self.keys.range(end - self.slices.size()..end);
        let slices: Vec<i64> = in_window.map(|(slice, _)| *slice).collect();
        let mut merged = Merged::of_slices(slices.len());
        for slice in slices {
            let keys = self.keys.remove(&slice).expect("it was just there");
            merged.rows.reserve(keys.len());
            if keeps(slice) {
                for of in &keys {
                    if let Some(contents) = self.get(slice, of)?
                        && self.fired_until(of.group) < end - 1
                    {
                        merged.add(of.clone(), contents, &mut merge);
                    }
                }
                self.keys.insert(slice, keys);
            } else {
                self.take_all(slice, keys, |fired_until, of, contents| {
                    if fired_until < end - 1 {
                        merged.add(of, contents, &mut merge);
                    }
                })?;
            }
        }
        Ok(merged.rows)
    }

    /// All windows up to this one have come out.
    pub(crate) fn set_fired(&mut self, end: i64) -> Result {
        let table = self.backend.table::<i64>(self.fired.slot()?);
        for (group, until) in self.range.iter().zip(&mut self.fired_until) {
            if end - 1 > *until {
                *until = end - 1;
                table.put(&group_pane(group), end - 1);
            }
        }
        Ok(())
    }

    /// Drops the slices that nobody needs any more.
    pub(crate) fn expire(&mut self, is_expired: impl Fn(i64) -> bool) -> Result {
        while let Some(slice) = self.keys.first_entry()
            && is_expired(*slice.key())
        {
            let (slice, keys) = slice.remove_entry();
            self.take_all(slice, keys, |_, _, contents| drop(contents))?;
        }
        Ok(())
    }

    /// Removes what these keys have in a slice; `each` is told how far the windows of the key's group have come out.
    fn take_all(
        &mut self,
        slice: i64,
        keys: Vec<KeyOf<K>>,
        mut each: impl FnMut(i64, KeyOf<K>, A),
    ) -> Result {
        let slot = self.contents.slot()?;
        let mut keys = keys.into_iter();
        let mut panes = Vec::with_capacity(LOOK_AHEAD_RECORDS);
        while keys.len() > 0 {
            panes.clear();
            let next = keys.as_slice().iter().take(LOOK_AHEAD_RECORDS);
            panes.extend(next.map(|of| slice_pane(slice, of)));
            self.backend.touch(&panes);
            for (pane, of) in panes.iter().zip(keys.by_ref()) {
                if let Some(contents) = self.backend.table::<A>(slot).take(pane)? {
                    each(self.fired_until(of.group), of, contents);
                }
            }
        }
        Ok(())
    }
}

/// What the keys of a window have in its slices together.
struct Merged<K, A> {
    rows: Vec<(KeyOf<K>, A)>,
    /// Where in `rows` a key is; not needed when no key comes twice.
    places: Option<HashTable<usize>>,
}

impl<K: Key, A> Merged<K, A> {
    fn of_slices(slices: usize) -> Self {
        Self {
            rows: Vec::new(),
            places: (slices > 1).then(HashTable::new),
        }
    }

    fn add(&mut self, of: KeyOf<K>, contents: A, merge: &mut impl FnMut(&mut A, A)) {
        let Self { rows, places } = self;
        if let Some(places) = places {
            match places.find(of.hash, |&place| rows[place].0.key == of.key) {
                Some(&place) => return merge(&mut rows[place].1, contents),
                None => places.insert_unique(of.hash, rows.len(), |&place| rows[place].0.hash),
            };
        }
        rows.push((of, contents));
    }
}
