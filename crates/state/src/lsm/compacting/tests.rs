use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{Backend, LsmBackend, LsmOptions, LsmShared, Owner};

fn options(compacting: Compacting) -> LsmOptions {
    let owner = Owner {
        partition: 0,
        partitions: 1,
        cluster: "c".to_owned(),
    };
    let mut options = LsmOptions::new(LsmShared::start(1 << 20, 64).unwrap(), owner);
    options.compacting = compacting;
    options.l0_tables_max = 2;
    options
}

/// Bytes that do not compress.
fn noise(key: u64, position: u64) -> Vec<u8> {
    let mut word = (key << 20 | position << 1 | 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        word ^= word << 13;
        word ^= word >> 7;
        word ^= word << 17;
        word.to_le_bytes()
    };
    (0..20).flat_map(|_| next()).collect()
}

/// Waits until no compaction is wanted or under way, and closes the state.
fn settle(state: LsmBackend) {
    while state.counters().l0_tables >= 2 {
        std::thread::yield_now();
    }
}

#[test]
fn few_rewrites_rewrite_a_flush_once_or_twice_until_all_is_rewritten_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = LsmBackend::open(dir.path(), options(Compacting::FewRewrites)).unwrap();
    let mut position = 0;
    let mut flush = |state: &mut LsmBackend, keys: &mut dyn Iterator<Item = u64>| {
        for key in keys {
            state.put(&key.to_be_bytes(), &noise(key, position));
        }
        position += 1;
        state.commit(position);
        state.flush().unwrap();
        while state.counters().l0_tables >= 2 {
            std::thread::yield_now();
        }
    };
    flush(&mut state, &mut (0..10_000));
    flush(&mut state, &mut (0..10_000));
    let mut names = tables(&state);
    let mut written = 0;
    for round in 0..30 {
        flush(
            &mut state,
            &mut (0..100).map(|key| (key * 97 + round * 13) % 10_000),
        );
        let now = tables(&state);
        written += now
            .iter()
            .filter(|(id, _)| !names.contains_key(id))
            .map(|(_, bytes)| bytes)
            .sum::<u64>();
        names = now;
    }
    let all = state.counters().table_bytes;
    assert!(written < all * 5 / 2, "{written} bytes rewritten of {all}");
    assert!(state.counters().tables < 20);
}

/// Every table file with its length.
fn tables(state: &LsmBackend) -> BTreeMap<u64, u64> {
    let version = state.tree.current_version();
    let length = |id: u64| {
        let path = state.dir().join(format!("tree/tables/{id}"));
        (id, path.metadata().unwrap().len())
    };
    version.iter_tables().map(|table| length(table.id())).collect()
}

#[test]
fn a_tree_with_many_runs_can_be_opened_for_few_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut position = 0;
    for compacting in [
        Compacting::FewRewrites,
        Compacting::FewRuns,
        Compacting::FewRewrites,
        Compacting::FewRuns,
    ] {
        let mut state = LsmBackend::open(dir.path(), options(compacting)).unwrap();
        for _ in 0..11 {
            position += 1;
            let keys = if position == 1 { 0..2000 } else { 0..20u64 };
            for key in keys {
                state.put(&(key * 31 % 2000).to_be_bytes(), &noise(key, position));
            }
            state.commit(position);
            state.flush().unwrap();
            while state.counters().l0_tables >= 2 {
                std::thread::yield_now();
            }
        }
        let runs = state
            .tree
            .current_version()
            .level(5)
            .map_or(0, |level| level.run_count());
        if compacting == Compacting::FewRewrites {
            assert!(runs > 1, "{runs} runs: nothing to bring into shape");
        }
        assert_eq!(state.flush().unwrap(), position, "no compaction has failed");
        assert_eq!(state.scan(&[], None, usize::MAX).unwrap().len(), 2000);
    }
}

#[test]
fn a_tree_that_was_closed_between_two_steps_of_few_rewrites_has_no_gap_when_it_is_opened_for_few_runs() {
    let dir = tempfile::tempdir().unwrap();
    let mut state = LsmBackend::open(dir.path(), options(Compacting::FewRewrites)).unwrap();
    let put = |state: &mut LsmBackend, position| {
        for key in 0..200u64 {
            state.put(&key.to_be_bytes(), &noise(key, position));
        }
        state.commit(position);
        state.flush().unwrap();
    };
    put(&mut state, 1);
    state
        .tree
        .compact(Arc::new(PullDown(0, 4)), crate::lsm::NEWEST)
        .unwrap();
    assert_eq!(levels(&state), [4]);
    settle(state);

    let mut state = LsmBackend::open(dir.path(), options(Compacting::FewRuns)).unwrap();
    for position in 2..8 {
        put(&mut state, position);
        while state.counters().l0_tables >= 2 {
            std::thread::yield_now();
        }
    }
    assert_eq!(state.flush().unwrap(), 7, "no compaction has failed");
    let levels = levels(&state);
    assert!(
        levels.ends_with(&[6]) && levels.is_sorted_by(|upper, lower| upper + 1 == *lower),
        "{levels:?}"
    );
}

/// Those with tables, without the newest.
fn levels(state: &LsmBackend) -> Vec<usize> {
    let version = state.tree.current_version();
    let has_tables = |&level: &usize| version.level(level).is_some_and(|level| level.run_count() > 0);
    (1..7).filter(has_tables).collect()
}

#[derive(Clone, Debug)]
enum Step {
    Put(u8, u8),
    Delete(u8),
    Flush,
    /// Closed and opened again, to be compacted in this way.
    Open(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        30 => any::<(u8, u8)>().prop_map(|(key, value)| Step::Put(key, value)),
        10 => any::<u8>().prop_map(Step::Delete),
        20 => Just(Step::Flush),
        1 => any::<bool>().prop_map(Step::Open),
    ];
    proptest::collection::vec(step, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]
    #[test]
    fn however_a_tree_is_compacted_it_is_the_same_map(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let open = |few: bool| {
            let compacting = if few { Compacting::FewRewrites } else { Compacting::FewRuns };
            LsmBackend::open(dir.path(), options(compacting)).unwrap()
        };
        let mut state = open(true);
        let mut model = BTreeMap::new();
        for (position, step) in (1u64..).zip(steps) {
            match step {
                Step::Put(key, value) => {
                    state.put(&[key % 60], &[value; 40]);
                    model.insert(key % 60, value);
                }
                Step::Delete(key) => {
                    state.delete(&[key % 60]);
                    model.remove(&(key % 60));
                }
                Step::Flush => {
                    state.commit(position);
                    state.flush().unwrap();
                }
                Step::Open(few) => {
                    state.commit(position);
                    state.flush().unwrap();
                    settle(state);
                    state = open(few);
                }
            }
        }
        let rows = state.scan(&[], None, usize::MAX).unwrap();
        let found: BTreeMap<u8, u8> = rows.iter().map(|(key, value)| (key[0], value[0])).collect();
        prop_assert_eq!(&found, &model);
        for key in 0..60 {
            let value = state.get(&[key]).unwrap().map(|value| value[0]);
            prop_assert_eq!(value, model.get(&key).copied(), "key {}", key);
        }
    }
}
