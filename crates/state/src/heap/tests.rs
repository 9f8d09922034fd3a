use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn range() -> KeyGroupRange {
    KeyGroupRange::of_owner(1, 2, 8)
}

fn group_of(key: u64) -> KeyGroup {
    KeyGroup(4 + u16::try_from(key % 4).unwrap())
}

fn rows(read: impl Fn(KeyGroup) -> Vec<(u64, u64)>) -> BTreeMap<u64, u64> {
    range().iter().flat_map(read).collect()
}

fn of_table(table: &HeapTable<u64, u64>) -> BTreeMap<u64, u64> {
    rows(|group| table.rows(group).map(|(&key, &value)| (key, value)).collect())
}

fn of_snapshot(snapshot: &HeapSnapshot<u64, u64>) -> BTreeMap<u64, u64> {
    rows(|group| {
        let rows: Vec<_> = snapshot.rows(group).map(|(&key, &value)| (key, value)).collect();
        assert_eq!(rows.len(), snapshot.len(group));
        rows
    })
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64, u64),
    Add(u64),
    Change(u64),
    Remove(u64),
    Snapshot,
    Drop,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..600u64;
    let step = prop_oneof![
        8 => (key.clone(), any::<u64>()).prop_map(|(key, value)| Step::Insert(key, value)),
        4 => key.clone().prop_map(Step::Add),
        2 => key.clone().prop_map(Step::Change),
        3 => key.prop_map(Step::Remove),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Drop),
    ];
    proptest::collection::vec(step, 1..3000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Against an ordered map: reads agree after every step, and snapshots stay what they were.
    #[test]
    fn a_table_is_a_map_and_its_snapshots_stand_still(steps in steps()) {
        let mut table = HeapTable::new(range());
        let mut model = BTreeMap::new();
        let mut snapshots = Vec::new();
        for step in steps {
            match step {
                Step::Insert(key, value) => {
                    table.insert(group_of(key), key, value);
                    model.insert(key, value);
                }
                Step::Add(key) => {
                    let value = table.get_or_insert_with(group_of(key), &key, || 7);
                    *value = value.wrapping_add(1);
                    let value = model.entry(key).or_insert(7u64);
                    *value = value.wrapping_add(1);
                }
                Step::Change(key) => {
                    let value = table.get_mut(group_of(key), &key).map(|value| { *value ^= 1; *value });
                    let expected = model.get_mut(&key).map(|value| { *value ^= 1; *value });
                    prop_assert_eq!(value, expected);
                }
                Step::Remove(key) => {
                    prop_assert_eq!(table.remove(group_of(key), &key), model.remove(&key));
                    prop_assert_eq!(table.get(group_of(key), &key), None);
                }
                Step::Snapshot => snapshots.push((table.snapshot(), model.clone())),
                Step::Drop => drop(snapshots.pop()),
            }
            prop_assert_eq!(table.len(), model.len());
        }
        prop_assert_eq!(of_table(&table), model);
        for (snapshot, model) in &snapshots {
            prop_assert_eq!(&of_snapshot(snapshot), model);
        }
    }
}

#[test]
fn a_snapshot_knows_what_was_written_since_the_one_before_and_little_else() {
    let mut table = HeapTable::new(range());
    for key in 0..5000 {
        table.insert(group_of(key), key, 0);
    }
    assert!(!table.snapshot_of_changes().knows_changes(), "it is the first");
    let changed = |table: &mut HeapTable<u64, u64>| {
        let now = table.snapshot_of_changes();
        assert!(now.knows_changes());
        let rows = range().iter().flat_map(|group| now.changed_rows(group));
        let rows: BTreeMap<u64, u64> = rows.map(|(&key, &value)| (key, value)).collect();
        let removed = range().iter().flat_map(|group| now.removed_keys(group));
        (rows, removed.copied().collect::<Vec<u64>>())
    };
    assert_eq!(changed(&mut table), (BTreeMap::new(), Vec::new()));
    table.get(group_of(3), &3);
    table.get_mut(group_of(3), &9_999_999);
    table.remove(group_of(3), &9_999_999);
    assert_eq!(
        changed(&mut table),
        (BTreeMap::new(), Vec::new()),
        "looking changes nothing"
    );
    for key in 0..50 {
        table.insert(group_of(key), key, 1);
        *table.get_mut(group_of(key), &(key + 100)).unwrap() = 1;
        *table.get_or_insert_with(group_of(key), &(key + 200), || 7) = 1;
    }
    // Comes and goes; goes and comes; goes.
    table.insert(group_of(6000), 6000, 1);
    table.remove(group_of(6000), &6000);
    table.remove(group_of(300), &300);
    table.insert(group_of(300), 300, 1);
    table.remove(group_of(301), &301);
    let (rows, removed) = changed(&mut table);
    let written: Vec<u64> = rows
        .iter()
        .filter(|(_, value)| **value == 1)
        .map(|(&key, _)| key)
        .collect();
    let expected = (0..50).chain(100..150).chain(200..250).chain([300]);
    assert_eq!(written, Vec::from_iter(expected));
    assert!(rows.len() < 300, "{} rows for 151", rows.len());
    assert_eq!(removed, [6000, 301]);
}

#[test]
fn a_table_of_which_too_much_was_removed_is_written_as_a_whole() {
    let mut table = HeapTable::new(range());
    let group = range().first();
    for (round, removed, knows) in [
        (0, 0, false),
        (1, REMOVED_MAX, true),
        (2, REMOVED_MAX + 1, false),
        (3, 5, true),
    ] {
        for _ in 0..removed {
            table.insert(group, 1, 1);
            table.remove(group, &1);
        }
        assert_eq!(
            table.snapshot_of_changes().knows_changes(),
            knows,
            "round {round}"
        );
    }
}

#[test]
#[should_panic(expected = "key group 3 belongs to another owner")]
fn a_key_of_another_owner_is_a_bug() {
    HeapTable::<u64, u64>::new(range()).get(KeyGroup(3), &1);
}

#[test]
fn the_probable_row_of_a_key_is_nearly_always_its_own() {
    let mut table = HeapTable::new(range());
    let probable = |table: &HeapTable<u64, u64>, key| {
        let row = table.probable_row_hashed(group_of(key), hash_key(&key));
        row.map(|&(key, value)| (key, value))
    };
    assert_eq!(probable(&table, 1), None);
    for key in 0..5000 {
        table.insert(group_of(key), key, key + 1);
    }
    let own = |table: &HeapTable<u64, u64>| {
        let keys = 0..5000;
        keys.filter(|&key| probable(table, key) == Some((key, key + 1)))
            .count()
    };
    assert!(own(&table) > 4500, "{}", own(&table));
    let _snapshot = table.snapshot();
    assert!(own(&table) > 4500, "{}", own(&table));
}
