//! What is outside of the process, and survives it: the store, the files of sinks, the input, and the dice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use borsh::{BorshDeserialize, BorshSerialize};
use everspan_state::store::Manifest;
use everspan_wal::sim_disk::SimRng;

use super::plan::{Out, Plan};
use super::settings::Settings;
use crate::objects::Objects;

/// Shared by the world and by the functions of the job.
pub(super) struct Outside {
    pub(super) plan: Plan,
    pub(super) settings: Settings,
    pub(super) objects: Arc<Objects>,
    /// Nothing fails any more.
    calm: AtomicBool,
    now_ms: AtomicI64,
    rng: Mutex<SimRng>,
    files: Mutex<Files>,
    violation: Mutex<Option<String>>,
}

/// The files of the sinks.
#[derive(Default)]
struct Files {
    last: u64,
    /// Prepared, and not visible yet.
    pending: BTreeMap<u64, Vec<Out>>,
    /// Visible: sink, number, results.
    visible: Vec<(String, u64, Vec<Out>)>,
    visible_files: BTreeSet<u64>,
    /// Named by a checkpoint that exists or existed.
    named: BTreeSet<u64>,
}

/// The name of a file that is prepared.
#[derive(Clone, Copy, Debug, BorshSerialize, BorshDeserialize)]
pub(super) struct FileName {
    mark: u64,
    number: u64,
}

/// Stands nowhere else.
const MARK: u64 = 0x9d5f_21c3_e07a_b846;

/// The sink to which results go in no order.
pub(super) const SINK: &str = "sink-";

impl Outside {
    pub(super) fn new(plan: Plan, settings: Settings, rng: SimRng) -> Self {
        Self {
            plan,
            settings,
            objects: Arc::default(),
            calm: AtomicBool::new(false),
            now_ms: AtomicI64::new(0),
            rng: Mutex::new(rng),
            files: Mutex::default(),
            violation: Mutex::default(),
        }
    }

    /// A number below `limit`.
    pub(super) fn below(&self, limit: usize) -> usize {
        lock(&self.rng).below(limit)
    }

    /// Whether something fails whose chance is one in so many.
    pub(super) fn fails(&self, one_in: usize) -> bool {
        one_in > 0 && !self.is_calm() && self.below(one_in) == 0
    }

    /// Fails as functions of users do: with an error, or with a panic.
    pub(super) fn mishap(&self, one_in: usize, what: &str) -> everspan_stream::Result {
        if !self.fails(one_in) {
            return Ok(());
        }
        if self.below(2) == 0 {
            return Err(what.into());
        }
        panic!("{what}");
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::Relaxed)
    }

    pub(super) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    pub(super) fn set_now_ms(&self, now_ms: i64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }

    /// The sentence is believed; the first that is wrong counts.
    pub(super) fn believe(&self, is_true: bool, sentence: impl FnOnce() -> String) {
        if !is_true {
            lock(&self.violation).get_or_insert_with(sentence);
        }
    }

    pub(super) fn violation(&self) -> Option<String> {
        lock(&self.violation).clone()
    }

    /// A file is prepared.
    pub(super) fn prepare(&self, results: Vec<Out>) -> FileName {
        let mut files = lock(&self.files);
        files.last += 1;
        let number = files.last;
        files.pending.insert(number, results);
        FileName { mark: MARK, number }
    }

    /// A file is made visible, perhaps for the second time.
    pub(super) fn commit(&self, sink: &str, FileName { number, .. }: FileName) {
        self.believe(self.is_named(number), || {
            format!("file {number} of {sink} is committed, but no checkpoint that exists names it")
        });
        let mut files = lock(&self.files);
        if files.visible_files.insert(number) {
            let results = files.pending.remove(&number);
            self.believe(results.is_some(), || {
                format!("there is no file {number} of {sink}")
            });
            let visible = (sink.to_owned(), number, results.unwrap_or_default());
            files.visible.push(visible);
        }
    }

    /// All results that are visible, each with how often.
    pub(super) fn results(&self) -> BTreeMap<Out, u64> {
        let mut results = BTreeMap::new();
        let files = lock(&self.files);
        let without_order = files.visible.iter().filter(|(sink, ..)| sink == SINK);
        for out in without_order.flat_map(|(.., results)| results) {
            *results.entry(*out).or_default() += 1;
        }
        results
    }

    /// The results of another sink, in the order of its files: those of one checkpoint may become visible in any.
    pub(super) fn results_of(&self, name: &str) -> Vec<Out> {
        let files = lock(&self.files);
        let of = files.visible.iter().filter(|(sink, ..)| sink == name);
        let by_number: BTreeMap<u64, &Vec<Out>> = of.map(|(_, number, results)| (*number, results)).collect();
        by_number.into_values().flatten().copied().collect()
    }

    fn is_named(&self, number: u64) -> bool {
        let mut files = lock(&self.files);
        if !files.named.contains(&number) {
            let contents = self.objects.contents();
            let manifests = contents.iter().filter(|(path, _)| {
                let name = path.filename().unwrap_or_default();
                name.ends_with(".manifest")
            });
            for (path, bytes) in manifests {
                let manifest = Manifest::decode(bytes);
                let manifest = manifest.unwrap_or_else(|error| panic!("{path} is half: {error}"));
                files.named.extend(files_of(&manifest));
            }
        }
        files.named.contains(&number)
    }
}

/// The files that a checkpoint names: found by the mark that the name of a file begins with, wherever it stands.
fn files_of(manifest: &Manifest) -> Vec<u64> {
    let attachments = manifest.attachments.iter();
    let places = attachments.flat_map(|attachment| attachment.bytes.windows(2 * size_of::<u64>()));
    let number = |place: &[u8]| place.strip_prefix(&MARK.to_le_bytes()).map(<[u8]>::to_vec);
    let numbers = places.filter_map(number);
    numbers
        .map(|number| u64::from_le_bytes(number.try_into().expect("eight bytes are left")))
        .collect()
}

fn lock<X>(shared: &Mutex<X>) -> MutexGuard<'_, X> {
    // Functions of users panic on purpose, but not under these locks.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
