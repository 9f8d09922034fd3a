mod model;

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;
use crate::heap::hash_key;
use crate::{Codec, CodecError, KeyGroup, LsmShared, Owner, SnapshotFiles, SnapshotWriter};

const GROUPS: u16 = 8;

/// Where the tables of a test are.
struct Bed {
    dir: tempfile::TempDir,
    shared: LsmShared,
    made: u32,
}

impl Bed {
    fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            shared: LsmShared::start(1 << 20, 64).unwrap(),
            made: 0,
        }
    }

    fn path(&mut self, name: &str) -> PathBuf {
        self.made += 1;
        self.dir.path().join(format!("{name}-{}", self.made))
    }

    fn options(&self) -> LsmOptions {
        let owner = Owner {
            partition: 0,
            partitions: 1,
            cluster: "job".to_owned(),
        };
        let mut options = LsmOptions::new(self.shared.clone(), owner);
        options.l0_tables_max = 2;
        options.compacting = crate::Compacting::FewRewrites;
        options
    }

    fn create(&mut self, range: KeyGroupRange) -> LsmTables {
        let dir = self.path("state");
        LsmTables::create(&dir, range, self.options()).unwrap()
    }

    fn restore(&mut self, parts: &[FetchedPart], range: KeyGroupRange) -> LsmTables {
        let dir = self.path("state");
        LsmTables::restore(parts, range, &dir, self.options()).unwrap().0
    }

    fn write(&mut self, snapshot: LsmSnapshot) -> SnapshotFiles {
        let dir = self.path("snapshot");
        snapshot.write(&dir).unwrap()
    }
}

fn all() -> KeyGroupRange {
    KeyGroupRange::of_owner(0, 1, GROUPS)
}

fn group_of(key: u16) -> KeyGroup {
    KeyGroup(key % GROUPS)
}

/// A table of numbers and one of maps, as a program has them.
struct Tables {
    tables: LsmTables,
    numbers: LsmTable<u16, Vec<u8>>,
    maps: LsmMap<u16, u8, u32>,
}

impl Tables {
    fn over(mut tables: LsmTables) -> Self {
        Self {
            numbers: tables.table("numbers").unwrap(),
            maps: tables.map("maps").unwrap(),
            tables,
        }
    }

    fn write_out(&mut self) -> LsmSnapshot {
        let bytes = self.numbers.changed_bytes() + self.maps.changed_bytes();
        let mut out = self.tables.begin(bytes as u64).unwrap();
        self.numbers.add_to(&mut out);
        self.maps.add_to(&mut out);
        self.tables.write(out)
    }

    fn numbers(&self, range: KeyGroupRange) -> BTreeMap<u16, Vec<u8>> {
        let mut found = BTreeMap::new();
        for group in range.iter() {
            let looked = self.numbers.for_each(group, |&key, value| {
                assert!(found.insert(key, value.clone()).is_none(), "a row comes once");
                Ok::<_, StateError>(())
            });
            looked.unwrap();
        }
        found
    }

    fn get(&mut self, key: u16) -> Option<Vec<u8>> {
        let found = self.numbers.get(group_of(key), hash_key(&key), &key);
        found.unwrap().cloned()
    }
}

#[test]
fn a_row_that_comes_and_goes_between_two_write_outs_never_reaches_the_disk() {
    let mut bed = Bed::new();
    let mut tables = Tables::over(bed.create(all()));
    for key in 0..100 {
        tables.numbers.put(group_of(key), hash_key(&key), &key, vec![1]);
        tables.numbers.delete(group_of(key), hash_key(&key), &key);
    }
    assert_eq!(
        (tables.numbers.changed_bytes(), tables.numbers.memory_bytes()),
        (0, 0)
    );
    let files = {
        let snapshot = tables.write_out();
        bed.write(snapshot)
    };
    assert!(
        !files.files.iter().any(|file| file.label.contains("tables/")),
        "{files:?}"
    );
}

#[test]
fn rows_leave_memory_only_when_they_are_on_disk() {
    let mut bed = Bed::new();
    let mut tables = Tables::over(bed.create(all()));
    for key in 0..50 {
        tables
            .numbers
            .put(group_of(key), hash_key(&key), &key, vec![7; 10]);
    }
    assert_eq!(tables.numbers.evict(usize::MAX), 0);
    drop(tables.write_out());
    tables.tables.wait().unwrap();
    tables.numbers.put(KeyGroup(3), hash_key(&3u16), &3, vec![8]);
    assert!(tables.numbers.evict(usize::MAX) > 0);
    assert_eq!(
        tables.numbers.rows_in_memory(),
        1,
        "the one that was changed since"
    );
    assert_eq!(tables.get(3), Some(vec![8]));
    assert_eq!(tables.get(4), Some(vec![7; 10]));
    assert_eq!(tables.numbers.rows_in_memory(), 2);
}

#[test]
fn the_rows_of_a_table_that_is_not_made_any_more_are_gone_with_the_next_snapshot() {
    let mut bed = Bed::new();
    let mut tables = Tables::over(bed.create(all()));
    for key in 0..50 {
        tables.numbers.put(group_of(key), hash_key(&key), &key, vec![7]);
        tables.maps.put(group_of(key), &key, &1, 1);
    }
    let part = |files: &SnapshotFiles| FetchedPart::of_snapshot(files, all()).unwrap();
    let snapshot = tables.write_out();
    let files = bed.write(snapshot);
    let mut fewer = bed.restore(&[part(&files)], all());
    fewer.remove_table("numbers").unwrap();
    let out = fewer.begin(0).unwrap();
    let snapshot = fewer.write(out);
    let files = bed.write(snapshot);
    let mut again = Tables::over(bed.restore(&[part(&files)], all()));
    assert_eq!(again.numbers(all()), BTreeMap::new());
    assert_eq!(again.maps.get(KeyGroup(1), &1, &1).unwrap(), Some(&1));
}

#[test]
fn a_row_of_another_type_and_a_key_that_is_too_long_are_errors_that_name_the_table() {
    let mut bed = Bed::new();
    let mut tables = Tables::over(bed.create(all()));
    tables.numbers.put(KeyGroup(1), hash_key(&1u16), &1, vec![7]);
    let snapshot = tables.write_out();
    let files = bed.write(snapshot);
    let part = FetchedPart::of_snapshot(&files, all()).unwrap();
    let mut other: LsmTable<u16, [u64; 9]> = bed.restore(&[part], all()).table("numbers").unwrap();
    let error = other.get(KeyGroup(1), hash_key(&1u16), &1).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("table \"numbers\" holds another type"),
        "{error}"
    );

    let mut tables = bed.create(all());
    let mut texts: LsmTable<String, u8> = tables.table("texts").unwrap();
    let long = "x".repeat(70_000);
    texts.put(KeyGroup(1), hash_key(&long), &long, 1);
    let mut out = tables.begin(0).unwrap();
    texts.add_to(&mut out);
    drop(tables.write(out));
    let error = tables.wait().unwrap_err();
    assert!(
        error
            .to_string()
            .contains("a key of table \"texts\" has 70004 bytes, at most 65529"),
        "{error}"
    );
    assert!(tables.begin(0).is_err(), "nothing is written any more");
}

#[test]
fn a_snapshot_is_refused_on_a_full_disk_and_nothing_is_lost() {
    let mut bed = Bed::new();
    let dir = bed.path("state");
    let full = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let mut options = bed.options();
    let says = full.clone();
    options.free_space = Arc::new(move |_| Ok(if says.load(Ordering::Relaxed) { 0 } else { u64::MAX }));
    let mut tables = Tables::over(LsmTables::create(&dir, all(), options).unwrap());
    tables.numbers.put(KeyGroup(1), hash_key(&1u16), &1, vec![7]);
    assert!(matches!(
        tables.tables.begin(10),
        Err(StateError::DiskFull { free: 0, .. })
    ));
    full.store(false, Ordering::Relaxed);
    let snapshot = tables.write_out();
    let files = bed.write(snapshot);
    let part = FetchedPart::of_snapshot(&files, all()).unwrap();
    assert_eq!(Tables::over(bed.restore(&[part], all())).get(1), Some(vec![7]));
}

#[test]
fn names_with_the_same_number_are_refused() {
    let mut bed = Bed::new();
    let mut tables = bed.create(all());
    assert!(tables.table::<u8, u8>("a").is_ok());
    assert!(tables.table::<u8, u8>("a").is_err());
}

#[test]
fn the_keys_of_two_maps_never_begin_alike() {
    for (key, entry) in [(1u8, 2u16), (255, 0)] {
        let of = map_key::MapKey {
            key,
            entry: entry.to_le_bytes()[..].into(),
        };
        let mut bytes = Vec::new();
        of.encode(&mut bytes);
        assert_eq!(bytes[..4], [0, 0, 0, 1]);
        assert_eq!(map_key::MapKey::<u8>::decode(&bytes), Ok(of));
        for cut in 0..5 {
            assert!(matches!(
                map_key::MapKey::<u8>::decode(&bytes[..cut]),
                Err(CodecError(_))
            ));
        }
    }
}
