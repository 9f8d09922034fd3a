//! The input of a job, and what a plain loop over it gives.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_wal::sim_disk::SimRng;

use super::settings::Program;

/// The length of a window, and what lies between the starts of two sliding ones, ms of event time.
pub(super) const SIZE_MS: i64 = 100;
pub(super) const SLIDE_MS: i64 = 40;

/// One record of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub(super) struct Event {
    pub(super) split: u32,
    pub(super) key: u32,
    /// How many of this key came before in its split.
    pub(super) nth: u32,
    /// Never goes back in a split, ms.
    pub(super) time: i64,
}

/// One result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub(super) enum Out {
    /// So many records of a key have come.
    Count { key: u32, count: u64 },
    /// So many records of a key have come before the end of a window.
    Window { key: u32, end: i64, count: u64 },
    /// A record passed.
    Passed { key: u32, split: u32, nth: u32 },
    /// A record came too late for the window that ends then.
    Late { key: u32, end: i64 },
    /// So many counts have been this number.
    Reached { count: u64, keys: u64 },
}

/// All events, split by split.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) splits: Vec<Vec<Event>>,
}

impl Plan {
    pub(super) fn draw(rng: &mut SimRng) -> Self {
        let keys = 1 + rng.below(12);
        let records = [5, 30, 80][rng.below(3)];
        let split = |split: u32| {
            let (mut time, mut seen) = (0, BTreeMap::<u32, u32>::new());
            let records = 0..rng.below(records);
            let event = |_| {
                let key = u32::try_from(rng.below(keys)).expect("few keys");
                time += i64::try_from(rng.below(30)).expect("a few ms");
                let seen = seen.entry(key).or_default();
                let nth = *seen;
                *seen += 1;
                Event {
                    split,
                    key,
                    nth,
                    time,
                }
            };
            records.map(event).collect()
        };
        let splits = 2 + u32::try_from([0, 1, 2, 4][keys % 4]).expect("few splits");
        Self {
            splits: (0..splits).map(split).collect(),
        }
    }

    /// The splits of the first source, and those of the second.
    pub(super) fn halves(&self) -> [std::ops::Range<u32>; 2] {
        let splits = u32::try_from(self.splits.len()).expect("few splits");
        [0..splits / 2, splits / 2..splits]
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        self.splits.iter().flatten()
    }

    /// What comes out, each with how often. Late records count as part of the window that they were too late for.
    pub(super) fn golden(&self, program: Program) -> BTreeMap<Out, u64> {
        let mut golden = BTreeMap::new();
        let mut counts = BTreeMap::<u32, u64>::new();
        let mut windows = BTreeMap::<(u32, i64), u64>::new();
        let slide = if program == Program::Sliding {
            SLIDE_MS
        } else {
            SIZE_MS
        };
        for event in self.events() {
            *counts.entry(event.key).or_default() += 1;
            let mut start = event.time.div_euclid(slide) * slide;
            while start > event.time - SIZE_MS {
                *windows.entry((event.key, start + SIZE_MS)).or_default() += 1;
                start -= slide;
            }
        }
        let has_counts = matches!(program, Program::Ledger | Program::Hops);
        let mut reached = BTreeMap::<u64, u64>::new();
        for (&key, &records) in counts.iter().filter(|_| has_counts) {
            for count in 1..=records {
                golden.insert(Out::Count { key, count }, 1);
                *reached.entry(count).or_default() += 1;
            }
        }
        if program == Program::Hops {
            for (&count, &most) in &reached {
                golden.extend((1..=most).map(|keys| (Out::Reached { count, keys }, 1)));
            }
        } else {
            let window = |(&(key, end), &count)| (Out::Window { key, end, count }, 1);
            golden.extend(windows.iter().map(window));
        }
        if program == Program::Ledger {
            let passed = |&Event { key, split, nth, .. }: &Event| (Out::Passed { key, split, nth }, 1);
            golden.extend(self.events().map(passed));
        }
        golden
    }
}
