use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{KeyGroup, LsmShared, Owner, SnapshotFiles, SnapshotWriter, Snapshots};

const GROUPS: u16 = 300;

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

struct Bed {
    dir: tempfile::TempDir,
    shared: LsmShared,
}

impl Bed {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            shared: LsmShared::start(1 << 20, 64).unwrap(),
        }
    }

    fn options(&self, index: u16, owners: u16) -> LsmOptions {
        let owner = Owner {
            partition: u32::from(index),
            partitions: u32::from(owners),
            cluster: "job".to_owned(),
        };
        let mut options = LsmOptions::new(self.shared.clone(), owner);
        options.l0_tables_max = 2;
        options.table_bytes = 4096;
        options
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Every owner takes a snapshot and stops.
    fn stop(&self, owners: Vec<LsmBackend>, generation: usize) -> Vec<FetchedPart> {
        let many = u16::try_from(owners.len()).unwrap();
        let taken = owners.into_iter().enumerate().map(|(index, mut state)| {
            let range = KeyGroupRange::of_owner(u16::try_from(index).unwrap(), many, GROUPS);
            let dir = self.path(&format!("snapshot-{generation}-{index}"));
            let files: SnapshotFiles = state.snapshot().unwrap().write(&dir).unwrap();
            FetchedPart::of_snapshot(&files, range).unwrap()
        });
        taken.collect()
    }

    /// So many owners go on from a checkpoint; each is given only the parts that it needs, in any order.
    fn go_on(&self, parts: &[FetchedPart], owners: u16, generation: usize) -> Vec<LsmBackend> {
        let restore = |index| {
            let range = KeyGroupRange::of_owner(index, owners, GROUPS);
            let needed = parts
                .iter()
                .filter(|part| part.range.intersection(range).is_some());
            let needed: Vec<_> = needed.rev().cloned().collect();
            let dir = self.path(&format!("state-{generation}-{index}"));
            let options = self.options(index, owners);
            LsmBackend::restore(&needed, range, &dir, options).unwrap().state
        };
        (0..owners).map(restore).collect()
    }
}

fn key_of(group: u16, key: u16) -> Vec<u8> {
    let mut bytes = group.to_be_bytes().to_vec();
    bytes.extend_from_slice(&key.to_be_bytes());
    bytes
}

fn rows(state: &LsmBackend) -> Model {
    let rows = state.scan(&[], None, usize::MAX).unwrap();
    rows.into_iter()
        .map(|(key, value)| (key.to_vec(), value.to_vec()))
        .collect()
}

#[derive(Clone, Debug)]
enum Step {
    Put(u16, u16, u8),
    Delete(u16, u16),
    Flush,
    Rescale(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let group = || prop_oneof![0..8u16, 250..GROUPS, Just(255u16), Just(256u16)];
    let step = prop_oneof![
        60 => (group(), 0..20u16, any::<u8>()).prop_map(|(group, key, value)| Step::Put(group, key, value)),
        20 => (group(), 0..20u16).prop_map(|(group, key)| Step::Delete(group, key)),
        4 => Just(Step::Flush),
        4 => (1..=5u16).prop_map(Step::Rescale),
    ];
    proptest::collection::vec(step, 1..150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10))]
    #[test]
    fn whatever_owners_come_and_go_together_they_have_exactly_the_rows(steps in steps()) {
        let bed = Bed::new();
        let mut owners = vec![LsmBackend::open(&bed.path("first"), bed.options(0, 1)).unwrap()];
        let mut model = Model::new();
        for (number, step) in (1u64..).zip(steps) {
            let many = u16::try_from(owners.len()).unwrap();
            let owner_of = |group| usize::from(KeyGroup(group).owner(GROUPS, many));
            match step {
                Step::Put(group, key, value) => {
                    let (key, value) = (key_of(group, key), vec![value; usize::from(value)]);
                    let state = &mut owners[owner_of(group)];
                    state.put(&key, &value);
                    state.commit(number);
                    model.insert(key, value);
                }
                Step::Delete(group, key) => {
                    let key = key_of(group, key);
                    let state = &mut owners[owner_of(group)];
                    state.delete(&key);
                    state.commit(number);
                    model.remove(&key);
                }
                Step::Flush => {
                    for state in &mut owners {
                        state.flush().unwrap();
                    }
                }
                Step::Rescale(to) => {
                    let generation = usize::try_from(number).unwrap();
                    let parts = bed.stop(std::mem::take(&mut owners), generation);
                    owners = bed.go_on(&parts, to, generation);
                }
            }
        }
        let found: Model = owners.iter().flat_map(rows).collect();
        prop_assert_eq!(found, model);
        for state in &owners {
            state.verify_tables().unwrap();
        }
    }
}

fn filled(bed: &Bed) -> LsmBackend {
    let mut state = LsmBackend::open(&bed.path("filled"), bed.options(0, 1)).unwrap();
    for group in 0..GROUPS {
        for key in 0..10 {
            state.put(&key_of(group, key), &[1; 100]);
        }
        state.commit(u64::from(group) + 1);
    }
    state
}

/// The rows of one owner after a restart.
#[test]
fn a_rescaled_state_is_closed_opened_and_changed_like_any_other() {
    let bed = Bed::new();
    let parts = bed.stop(vec![filled(&bed)], 1);
    let mut owners = bed.go_on(&parts, 2, 1);
    let mut second = owners.remove(1);
    assert_eq!(second.applied(), u64::from(GROUPS));
    second.put(&key_of(200, 3), b"changed");
    second.delete(&key_of(200, 4));
    second.commit(400);
    second.flush().unwrap();
    drop(second);
    let second = LsmBackend::open_existing(&bed.path("state-1-1"), bed.options(1, 2)).unwrap();
    assert_eq!(second.applied(), 400);
    assert_eq!(rows(&second).len(), 150 * 10 - 1);
    assert_eq!(second.get(&key_of(200, 3)).unwrap().unwrap(), "changed");
    let scanned = rows(&second);
    assert_eq!(scanned[&key_of(200, 3)], b"changed");
    assert!(!bed.path("state-1-1.restoring-from").exists());
}

#[test]
fn a_state_with_many_tables_is_compacted_beside_its_work_and_says_how_long_that_took() {
    let bed = Bed::new();
    let mut options = bed.options(0, 1);
    options.l0_tables_max = 200;
    let mut state = LsmBackend::open(&bed.path("many"), options).unwrap();
    for position in 1..=6u64 {
        state.put(&key_of(1, 1), &position.to_be_bytes());
        state.commit(position);
        state.flush().unwrap();
    }
    let parts = bed.stop(vec![state], 1);
    let range = KeyGroupRange::of_owner(0, 1, GROUPS);
    let restored = LsmBackend::restore(&parts, range, &bed.path("restored"), bed.options(0, 1)).unwrap();
    let compaction = restored.compaction.expect("six tables are more than two");
    while compaction.took().is_none() {
        std::thread::yield_now();
    }
    assert_eq!(restored.state.counters().tables, 1);
    assert_eq!(restored.state.applied(), 6);
    let few = LsmBackend::restore(
        &bed.stop(vec![restored.state], 2),
        range,
        &bed.path("few"),
        bed.options(0, 1),
    );
    assert!(few.unwrap().compaction.is_none(), "one table wants no compaction");
}

#[test]
fn a_part_at_another_position_than_it_says_is_refused() {
    let bed = Bed::new();
    let mut parts = bed.stop(vec![filled(&bed)], 1);
    parts[0].position += 1;
    for range in [
        KeyGroupRange::of_owner(0, 1, GROUPS),
        KeyGroupRange::of_owner(0, 2, GROUPS),
    ] {
        let dir = bed.path("refused");
        let refused = LsmBackend::restore(&parts, range, &dir, bed.options(0, 1));
        let error = refused.err().expect("the position is wrong").to_string();
        assert!(
            error.contains("position is 300, the checkpoint says 301"),
            "{error}"
        );
        assert!(!dir.exists());
    }
}
