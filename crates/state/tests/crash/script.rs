//! Batches that are a pure function of their number, and the state they add up to.

use std::path::Path;

use everspan_state::{
    Backend, Compacting, LsmBackend, LsmOptions, LsmShared, MemoryBackend, OpenError, Owner,
};

const KEYS: u64 = 1024;
const QUEUE_LENGTH: u64 = 50;
/// Positions leave gaps, as the records of one partition do in a shared log.
const POSITIONS_PER_BATCH: u64 = 3;

/// A small generator (SplitMix64); the tests need no good one.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Opens the state with tables so small that a short run compacts through several levels, in one way or the other.
pub(crate) fn open(dir: &Path, seed: u64) -> Result<LsmBackend, OpenError> {
    let owner = Owner {
        partition: 5,
        partitions: 8,
        cluster: "crash".to_owned(),
    };
    let shared = LsmShared::start(1 << 20, 64).unwrap();
    let options = LsmOptions {
        l0_tables_max: 2 + u8::try_from(seed % 3).unwrap(),
        compacting: [Compacting::FewRuns, Compacting::FewRewrites][usize::from((seed / 3).is_multiple_of(2))],
        table_bytes: 64 << 10,
        ..LsmOptions::new(shared, owner)
    };
    LsmBackend::open(dir, options)
}

/// Applies the next batch: puts and deletes among 1024 keys, a queue that moves on by one, and a counter
/// that shows a batch applied twice or never.
pub(crate) fn apply_next(state: &mut dyn Backend) {
    let number = state.applied() / POSITIONS_PER_BATCH + 1;
    let mut random = Random(number);
    for _ in 0..8 {
        let key = format!("key/{:04}", random.below(KEYS));
        if random.below(4) == 0 {
            state.delete(key.as_bytes());
        } else {
            state.put(key.as_bytes(), &value(&mut random));
        }
    }
    state.put(&queue_key(number), &number.to_le_bytes());
    if number > QUEUE_LENGTH {
        state.delete(&queue_key(number - QUEUE_LENGTH));
    }
    let counter = state
        .get(b"counter")
        .unwrap()
        .map_or(0, |bytes| u64::from_le_bytes(bytes.as_ref().try_into().unwrap()));
    state.put(b"counter", &(counter + number % 97).to_le_bytes());
    state.commit(number * POSITIONS_PER_BATCH);
}

fn queue_key(number: u64) -> Vec<u8> {
    [b"queue/", &number.to_be_bytes()[..]].concat()
}

fn value(random: &mut Random) -> Vec<u8> {
    let length = match random.below(8) {
        0 => 20 + random.below(3400),
        _ => 20 + random.below(100),
    };
    (0..length).map(|_| random.next().to_le_bytes()[0]).collect()
}

/// Checks that `state` is exactly what its position says, and moves `model` there.
pub(crate) fn check(state: &LsmBackend, model: &mut MemoryBackend, what: &str) {
    assert!(model.applied() <= state.applied(), "{what}: went back");
    while model.applied() < state.applied() {
        apply_next(model);
    }
    assert_eq!(model.applied(), state.applied(), "{what}");
    let found = state.scan(b"", None, usize::MAX).unwrap();
    let expected = model.scan(b"", None, usize::MAX).unwrap();
    assert!(found == expected, "{what}: content differs");
    assert_eq!(state.digest(), model.digest(), "{what}");
    for key in (0..KEYS).step_by(37) {
        let key = format!("key/{key:04}");
        assert_eq!(state.get(key.as_bytes()), model.get(key.as_bytes()), "{what}");
    }
    state.verify_tables().unwrap();
}
