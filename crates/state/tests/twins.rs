//! The two backends tell the same story, whatever is done to them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use everspan_state::{Backend, LsmBackend, LsmOptions, LsmShared, MemoryBackend, Owner};
use proptest::prelude::*;
use tempfile::TempDir;

#[derive(Clone, Debug)]
enum Step {
    Put(Vec<u8>, Vec<u8>),
    Delete(Vec<u8>),
    Commit(u64),
    Flush,
    /// Goes on beside the steps that follow.
    BeginFlush,
    Crash,
    Get(Vec<u8>),
    Scan(Vec<u8>, Option<Vec<u8>>, usize),
}

/// Few letters and short, so that keys meet.
fn key() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(b'a'), Just(0xfe)], 1..4)
}

fn step() -> impl Strategy<Value = Step> {
    let value = proptest::collection::vec(any::<u8>(), 0..40);
    let prefix = prop_oneof![Just(vec![]), Just(vec![0xff]), Just(vec![0xfe, 0xff]), key()];
    prop_oneof![
        8 => (key(), value).prop_map(|(key, value)| Step::Put(key, value)),
        4 => key().prop_map(Step::Delete),
        4 => (1..5u64).prop_map(Step::Commit),
        2 => Just(Step::Flush),
        2 => Just(Step::BeginFlush),
        1 => Just(Step::Crash),
        3 => key().prop_map(Step::Get),
        3 => (prefix, proptest::option::of(key()), 0..9usize)
            .prop_map(|(prefix, from, limit)| Step::Scan(prefix, from, limit)),
    ]
}

struct Twins {
    dir: TempDir,
    options: LsmOptions,
    lsm: Option<LsmBackend>,
    memory: MemoryBackend,
    in_batch: bool,
    /// A flush may be under way: the twins need not agree on what is on disk.
    begun: bool,
}

impl Twins {
    fn new() -> Self {
        let owner = Owner {
            partition: 0,
            partitions: 1,
            cluster: String::new(),
        };
        let shared = LsmShared::start(1 << 20, 16).unwrap();
        let options = LsmOptions {
            l0_tables_max: 2,
            table_bytes: 512,
            ..LsmOptions::new(shared, owner)
        };
        let dir = TempDir::new().unwrap();
        Self {
            lsm: Some(LsmBackend::open(dir.path(), options.clone()).unwrap()),
            dir,
            options,
            memory: MemoryBackend::new(),
            in_batch: false,
            begun: false,
        }
    }

    fn both(&mut self) -> [&mut dyn Backend; 2] {
        [self.lsm.as_mut().unwrap(), &mut self.memory]
    }

    fn write(&mut self, write: impl Fn(&mut dyn Backend)) {
        self.in_batch = true;
        self.both().into_iter().for_each(write);
    }

    fn commit(&mut self, gap: u64) {
        let position = self.memory.applied() + gap;
        self.both().into_iter().for_each(|state| state.commit(position));
        self.in_batch = false;
    }

    fn crash(&mut self) {
        self.lsm = None;
        self.lsm = Some(LsmBackend::open(self.dir.path(), self.options.clone()).unwrap());
        self.memory.crash();
        self.in_batch = false;
        self.begun = false;
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Put(key, value) => self.write(|state| state.put(key, value)),
            Step::Delete(key) => self.write(|state| state.delete(key)),
            Step::Commit(gap) => self.commit(*gap),
            Step::BeginFlush => {
                if self.in_batch {
                    self.commit(1);
                }
                self.both()
                    .into_iter()
                    .for_each(|state| state.begin_flush().unwrap());
                self.begun = true;
            }
            Step::Flush => {
                if self.in_batch {
                    self.commit(1);
                }
                self.same(|state| state.flush());
                self.begun = false;
            }
            Step::Crash => self.crash(),
            Step::Get(key) => self.same(|state| state.get(key)),
            Step::Scan(prefix, from, limit) => {
                self.same(|state| state.scan(prefix, from.as_deref(), *limit));
            }
        }
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, ask: impl Fn(&mut dyn Backend) -> T) {
        let [lsm, memory] = self.both().map(ask);
        assert_eq!(lsm, memory);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_backends_behave_alike(steps in proptest::collection::vec(step(), 0..120)) {
        let mut twins = Twins::new();
        for step in &steps {
            twins.step(step);
            twins.same(|state| state.applied());
            if !twins.begun {
                twins.same(|state| (state.persisted(), state.unflushed_bytes() == 0));
            }
        }
        twins.same(|state| state.digest());
    }
}
