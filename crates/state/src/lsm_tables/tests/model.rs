//! Owners of tables that write out, forget, stop and go on as others, against plain maps.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{Bed, FetchedPart, GROUPS, KeyGroupRange, RowsInMemory, Tables, all, group_of, hash_key};

#[derive(Clone, Debug)]
enum Step {
    Put(u16, u8),
    Push(u16, u8),
    Take(u16),
    Delete(u16),
    Get(u16),
    PutEntry(u16, u8, u32),
    DeleteEntry(u16, u8),
    GetEntry(u16, u8),
    Clear(u16),
    Entries(u16),
    WriteOut,
    Wait,
    Evict,
    /// Every owner takes a snapshot; so many go on from it.
    Rescale(u16),
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..12u16;
    let entry = 0..4u8;
    prop_oneof![
        3 => (key.clone(), any::<u8>()).prop_map(|(key, value)| Step::Put(key, value)),
        3 => (key.clone(), any::<u8>()).prop_map(|(key, value)| Step::Push(key, value)),
        2 => key.clone().prop_map(Step::Take),
        2 => key.clone().prop_map(Step::Delete),
        2 => key.clone().prop_map(Step::Get),
        4 => (key.clone(), entry.clone(), any::<u32>()).prop_map(|(key, entry, value)| Step::PutEntry(key, entry, value)),
        2 => (key.clone(), entry.clone()).prop_map(|(key, entry)| Step::DeleteEntry(key, entry)),
        2 => (key.clone(), entry).prop_map(|(key, entry)| Step::GetEntry(key, entry)),
        1 => key.clone().prop_map(Step::Clear),
        2 => key.prop_map(Step::Entries),
        2 => Just(Step::WriteOut),
        1 => Just(Step::Wait),
        2 => Just(Step::Evict),
        1 => (1..4u16).prop_map(Step::Rescale),
    ]
}

#[derive(Default)]
struct Model {
    numbers: BTreeMap<u16, Vec<u8>>,
    maps: BTreeMap<u16, BTreeMap<u8, u32>>,
}

/// Owners of all groups, and what they should hold.
struct World {
    bed: Bed,
    owners: Vec<(KeyGroupRange, Tables)>,
    model: Model,
}

impl World {
    fn new() -> Self {
        let mut bed = Bed::new();
        let owners = vec![(all(), Tables::over(bed.create(all())))];
        Self {
            bed,
            owners,
            model: Model::default(),
        }
    }

    fn owner(&mut self, key: u16) -> &mut Tables {
        let mut owners = self.owners.iter_mut();
        let owner = owners.find(|(range, _)| range.contains(group_of(key)));
        &mut owner.expect("every group has an owner").1
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Put(key, value) => {
                let tables = self.owner(key);
                tables
                    .numbers
                    .put(group_of(key), hash_key(&key), &key, vec![value]);
                self.model.numbers.insert(key, vec![value]);
            }
            Step::Push(key, value) => {
                let tables = self.owner(key);
                let entry = tables
                    .numbers
                    .entry(group_of(key), hash_key(&key), &key, Vec::new);
                entry.unwrap().push(value);
                self.model.numbers.entry(key).or_default().push(value);
            }
            Step::Take(key) => {
                let tables = self.owner(key);
                let taken = tables.numbers.take(group_of(key), hash_key(&key), &key);
                assert_eq!(taken.unwrap(), self.model.numbers.remove(&key));
            }
            Step::Delete(key) => {
                self.owner(key)
                    .numbers
                    .delete(group_of(key), hash_key(&key), &key);
                self.model.numbers.remove(&key);
            }
            Step::Get(key) => {
                let found = self.owner(key).get(key);
                assert_eq!(found.as_ref(), self.model.numbers.get(&key));
            }
            Step::PutEntry(key, entry, value) => {
                self.owner(key).maps.put(group_of(key), &key, &entry, value);
                self.model.maps.entry(key).or_default().insert(entry, value);
            }
            Step::DeleteEntry(key, entry) => {
                self.owner(key).maps.delete(group_of(key), &key, &entry);
                self.model.maps.entry(key).or_default().remove(&entry);
            }
            Step::GetEntry(key, entry) => {
                let found = self.owner(key).maps.get(group_of(key), &key, &entry);
                let found = found.unwrap().copied();
                let expected = self.model.maps.get(&key).and_then(|map| map.get(&entry));
                assert_eq!(found, expected.copied());
            }
            Step::Clear(key) => {
                self.owner(key).maps.clear(group_of(key), &key).unwrap();
                self.model.maps.remove(&key);
            }
            Step::Entries(key) => self.check_entries(key),
            Step::WriteOut => drop_each(self.owners.iter_mut().map(|(_, tables)| tables.write_out())),
            Step::Wait => self
                .owners
                .iter_mut()
                .for_each(|(_, tables)| tables.tables.wait().unwrap()),
            Step::Evict => self.owners.iter_mut().for_each(|(_, tables)| {
                tables.numbers.evict(60);
                tables.maps.evict(usize::MAX);
            }),
            Step::Rescale(owners) => self.rescale(owners),
        }
    }

    fn check_entries(&mut self, key: u16) {
        let expected = self.model.maps.get(&key).cloned().unwrap_or_default();
        let maps = &self.owner(key).maps;
        assert_eq!(maps.is_empty(group_of(key), &key).unwrap(), expected.is_empty());
        assert_eq!(maps.entries(group_of(key), &key).unwrap(), expected);
    }

    fn rescale(&mut self, owners: u16) {
        let taken: Vec<_> = std::mem::take(&mut self.owners);
        let mut parts = Vec::new();
        for (range, mut tables) in taken {
            let snapshot = tables.write_out();
            // What comes after it is not in it.
            tables.numbers.put(
                range.first(),
                hash_key(&range.first().0),
                &range.first().0,
                vec![99],
            );
            let files = self.bed.write(snapshot);
            parts.push(FetchedPart::of_snapshot(&files, range).unwrap());
        }
        for index in 0..owners {
            let range = KeyGroupRange::of_owner(index, owners, GROUPS);
            let own = parts
                .iter()
                .filter(|part| part.range.intersection(range).is_some());
            let own: Vec<_> = own.cloned().collect();
            let tables = Tables::over(self.bed.restore(&own, range));
            self.owners.push((range, tables));
        }
    }

    fn check(&mut self) {
        for key in 0..12 {
            self.check_entries(key);
        }
        let mut all = BTreeMap::new();
        for (range, tables) in &self.owners {
            all.extend(tables.numbers(*range));
        }
        assert_eq!(all, self.model.numbers);
        for key in 0..12 {
            let found = self.owner(key).get(key);
            assert_eq!(found.as_ref(), self.model.numbers.get(&key));
        }
    }
}

fn drop_each<T>(things: impl Iterator<Item = T>) {
    things.for_each(drop);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn tables_are_maps_whatever_is_in_memory_and_whoever_restores_them(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
        }
        world.check();
    }
}
