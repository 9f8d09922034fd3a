use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::heap::HeapReader;
use crate::{FetchedPart, KeyGroup, KeyGroupRange};

const GROUPS: u16 = 16;

type Model = BTreeMap<u64, String>;

fn group_of(key: u64) -> KeyGroup {
    KeyGroup::of_hash(key, GROUPS)
}

fn rows(table: &HeapTable<u64, String>) -> Model {
    let groups = table.range().iter();
    let rows = groups.flat_map(|group| table.rows(group).map(move |row| (group, row)));
    rows.map(|(group, (&key, value))| {
        assert_eq!(group, group_of(key));
        (key, value.clone())
    })
    .collect()
}

fn part(files: &SnapshotFiles, range: KeyGroupRange) -> FetchedPart {
    FetchedPart::of_snapshot(files, range).unwrap()
}

/// An owner of some key groups, as it goes from checkpoint to checkpoint.
struct Owner {
    table: HeapTable<u64, String>,
    checkpoints: HeapCheckpoints,
}

impl Owner {
    fn new(table: HeapTable<u64, String>, incremental: bool) -> Self {
        let checkpoints = HeapCheckpoints::new(incremental);
        Self { table, checkpoints }
    }

    fn write(&mut self, dir: &Path) -> SnapshotFiles {
        let mut snapshot = self.checkpoints.begin(7);
        snapshot.add("rows", &mut self.table);
        snapshot.write(dir).unwrap()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u64, u8),
    Remove(u64),
    Checkpoint,
    /// The checkpoint before is forgotten: its directory goes.
    Forget,
    /// All owners stop; so many others go on from a checkpoint.
    Rescale(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        60 => (0..400u64, any::<u8>()).prop_map(|(key, value)| Step::Insert(key, value)),
        20 => (0..400u64).prop_map(Step::Remove),
        4 => Just(Step::Checkpoint),
        1 => Just(Step::Forget),
        2 => (1..=5u16).prop_map(Step::Rescale),
    ];
    proptest::collection::vec(step, 1..400)
}

/// Every owner writes a snapshot into a directory of its own.
fn checkpoint(owners: &mut [Owner], dir: &Path, number: u32) -> Vec<(SnapshotFiles, KeyGroupRange)> {
    let write = |(index, owner): (usize, &mut Owner)| {
        let files = owner.write(&dir.join(format!("{number}-{index}")));
        (files, owner.table.range())
    };
    owners.iter_mut().enumerate().map(write).collect()
}

fn restore(taken: &[(SnapshotFiles, KeyGroupRange)], owners: u16, incremental: bool) -> Vec<Owner> {
    let parts: Vec<FetchedPart> = taken.iter().map(|(files, range)| part(files, *range)).collect();
    let reader = HeapReader::open(&parts).unwrap();
    let ranges = (0..owners).map(|index| KeyGroupRange::of_owner(index, owners, GROUPS));
    ranges
        .map(|range| Owner::new(reader.load("rows", range).unwrap(), incremental))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn whatever_owners_come_and_go_every_checkpoint_holds_exactly_the_rows(
        steps in steps(), incremental in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let all = KeyGroupRange::of_owner(0, 1, GROUPS);
        let mut owners = vec![Owner::new(HeapTable::new(all), incremental)];
        let (mut model, mut number, mut last) = (Model::new(), 0, None);
        for step in steps {
            let owner_of = |key| usize::from(group_of(key).owner(GROUPS, u16::try_from(owners.len()).unwrap()));
            match step {
                Step::Insert(key, value) => {
                    let value = "v".repeat(usize::from(value));
                    let owner = owner_of(key);
                    owners[owner].table.insert(group_of(key), key, value.clone());
                    model.insert(key, value);
                }
                Step::Remove(key) => {
                    let owner = owner_of(key);
                    owners[owner].table.remove(group_of(key), &key);
                    model.remove(&key);
                }
                Step::Checkpoint | Step::Rescale(_) => {
                    number += 1;
                    let taken = checkpoint(&mut owners, dir.path(), number);
                    let restored = restore(&taken, 1, incremental);
                    prop_assert_eq!(&rows(&restored[0].table), &model);
                    if let Step::Rescale(to) = step {
                        owners = restore(&taken, to, incremental);
                    }
                    last = Some(number);
                }
                Step::Forget => {
                    if let Some(number) = last.take() {
                        for index in 0..owners.len() {
                            drop(std::fs::remove_dir_all(dir.path().join(format!("{number}-{index}"))));
                        }
                    }
                }
            }
        }
        let found: Model = owners.iter().flat_map(|owner| rows(&owner.table)).collect();
        prop_assert_eq!(found, model);
    }
}

fn filled(keys: u64) -> Owner {
    let mut table = HeapTable::new(KeyGroupRange::of_owner(0, 1, GROUPS));
    for key in 0..keys {
        table.insert(group_of(key), key, format!("{key:0100}"));
    }
    Owner::new(table, true)
}

#[test]
fn a_checkpoint_of_an_unchanged_table_writes_nothing_and_one_of_few_changes_little() {
    let dir = tempfile::tempdir().unwrap();
    let mut owner = filled(10_000);
    let first = owner.write(&dir.path().join("1"));
    let second = owner.write(&dir.path().join("2"));
    let names = |files: &SnapshotFiles| -> Vec<_> { files.files.iter().map(|file| file.name).collect() };
    assert_eq!(names(&first), names(&second));
    for key in 0..100 {
        let key = key * 97;
        owner.table.insert(group_of(key), key, "changed".to_owned());
    }
    // Written, but to the same value.
    owner.table.insert(group_of(5), 5, format!("{:0100}", 5));
    owner.table.remove(group_of(11), &11);
    let third = owner.write(&dir.path().join("3"));
    assert_eq!(third.files[0].name, first.files[0].name);
    assert_eq!(third.files.len(), 2);
    let delta = third.files[1].name.length;
    assert!(delta < 10_000, "{delta} bytes for 101 changed rows of 10,000");
    let reader = HeapReader::open(&[part(&third, owner.table.range())]).unwrap();
    let restored = reader.load("rows", owner.table.range()).unwrap();
    assert_eq!(rows(&restored), rows(&owner.table));
}

#[test]
fn a_chain_of_deltas_ends_before_it_is_as_long_as_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let mut owner = filled(2000);
    let mut bases = std::collections::BTreeSet::new();
    for round in 0..60 {
        for key in 0..40 {
            owner.table.insert(group_of(key), key, format!("{round:0100}"));
        }
        let written = owner.write(&dir.path().join(round.to_string()));
        bases.insert(written.files[0].name);
        assert!(
            written.bytes() < written.files[0].name.length * 8 / 5,
            "round {round}"
        );
        assert!(written.files.len() <= DELTAS_MAX + 1);
    }
    assert!((2..10).contains(&bases.len()), "{} bases", bases.len());
}

#[test]
fn several_tables_of_different_types_come_back_under_their_names() {
    let dir = tempfile::tempdir().unwrap();
    let range = KeyGroupRange::of_owner(1, 2, GROUPS);
    let mut counts: HeapTable<String, u64> = HeapTable::new(range);
    counts.insert(range.first(), "a".to_owned(), 1);
    let mut lists: HeapTable<(u64, u64), Vec<u8>> = HeapTable::new(range);
    lists.insert(range.last(), (1, 2), vec![3, 4]);
    let checkpoints = HeapCheckpoints::new(false);
    let mut snapshot = checkpoints.begin(3);
    snapshot.add("counts/β", &mut counts);
    snapshot.add("lists", &mut lists);
    let written = snapshot.write(&dir.path().join("1")).unwrap();
    let reader = HeapReader::open(&[part(&written, range)]).unwrap();
    assert_eq!(Vec::from_iter(reader.tables()), ["counts/β", "lists"]);
    let counts = reader.load::<String, u64>("counts/β", range).unwrap();
    assert_eq!(counts.get(range.first(), &"a".to_owned()), Some(&1));
    let lists = reader.load::<(u64, u64), Vec<u8>>("lists", range).unwrap();
    assert_eq!(lists.get(range.last(), &(1, 2)), Some(&vec![3, 4]));
    assert!(reader.load::<u64, u64>("unknown", range).unwrap().is_empty());
    let error = reader.load::<u64, u64>("lists", range).err().unwrap().to_string();
    assert!(error.contains("table \"lists\" holds another type"), "{error}");
}

#[test]
fn files_that_are_not_tables_are_refused_and_never_panic() {
    let dir = tempfile::tempdir().unwrap();
    let mut owner = filled(300);
    let written = owner.write(&dir.path().join("1"));
    let whole = std::fs::read(&written.files[0].path).unwrap();
    let path = dir.path().join("x");
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let mut part = FetchedPart::new(owner.table.range(), 7, HeapCheckpoints::FORMAT);
        part.add("x", path.clone());
        let reader = HeapReader::open(&[part])?;
        reader
            .load::<u64, String>("rows", owner.table.range())
            .map(|table| table.len())
    };
    assert_eq!(read(&whole).unwrap(), 300);
    for cut in (0..whole.len()).step_by(61) {
        assert!(read(&whole[..cut]).is_err(), "cut at {cut}");
    }
    for at in (0..whole.len()).step_by(7).chain(whole.len() - 430..whole.len()) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xa5;
        drop(read(&bytes));
    }
}
