//! What the owner of a state and the compaction thread share.
//!
//! The slot holds the compaction thread's only handle of the tree. Whoever compacts holds the slot's
//! lock, so closing it both waits for the running step and takes the handle away.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use lsm_tree::{AbstractTree, AnyTree};

use super::compacting::{Compacting, Policy};
use super::pin::Pin;
use super::{FREE_MARGIN_BYTES, FreeSpace, NEWEST};
use crate::StateError;

/// A step of leveled compaction rewrites at most so much: its inputs are the newest level and some fifty tables.
const STEP_BYTES_MAX: u64 = 4 << 30;

/// What has happened to a state since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LsmCounters {
    /// Flushes that wrote a table.
    pub flushes: u64,
    /// Compaction steps that changed the tables.
    pub compactions: u64,
    /// Compactions put off because the disk has too little room.
    pub compactions_put_off: u64,
    /// Tables now.
    pub tables: u64,
    /// Tables of the newest level now; many of them slow reads down.
    pub l0_tables: u64,
    /// Bytes of the data in all tables now; the files are a little longer.
    pub table_bytes: u64,
}

pub(super) struct SlotOptions {
    pub(super) tree: AnyTree,
    pub(super) dir: PathBuf,
    pub(super) policy: Policy,
    pub(super) free_space: FreeSpace,
}

pub(super) struct Slot {
    tree: Mutex<Option<AnyTree>>,
    dir: PathBuf,
    policy: Policy,
    free_space: FreeSpace,
    /// Snapshots that may hold files of the tree.
    pins: Mutex<Vec<Weak<Pin>>>,
    /// Who wants to know how long the next compaction takes.
    watched: Mutex<Option<Arc<OnceLock<Duration>>>>,
    /// True from a request until the compaction thread takes it up.
    requested: AtomicBool,
    closing: AtomicBool,
    poison: OnceLock<String>,
    flushes: AtomicU64,
    compactions: AtomicU64,
    compactions_put_off: AtomicU64,
}

impl Slot {
    pub(super) fn new(options: SlotOptions) -> Arc<Self> {
        Arc::new(Self {
            tree: Mutex::new(Some(options.tree)),
            dir: options.dir,
            policy: options.policy,
            free_space: options.free_space,
            pins: Mutex::new(Vec::new()),
            watched: Mutex::new(None),
            requested: AtomicBool::new(false),
            closing: AtomicBool::new(false),
            poison: OnceLock::new(),
            flushes: AtomicU64::new(0),
            compactions: AtomicU64::new(0),
            compactions_put_off: AtomicU64::new(0),
        })
    }

    /// True if `tree` wants a compaction and none is waiting; the caller then has to pass it on.
    pub(super) fn request(&self, tree: &AnyTree) -> bool {
        self.policy.wants(tree) && !self.requested.swap(true, Ordering::AcqRel)
    }

    /// What will be told of the next compaction, if `tree` wants one.
    pub(super) fn watch(&self, tree: &AnyTree) -> Option<Arc<OnceLock<Duration>>> {
        self.policy.wants(tree).then(|| {
            let watched = Arc::default();
            *self.lock_watched() = Some(Arc::clone(&watched));
            watched
        })
    }

    /// Compacts step by step until nothing is left to do, the disk is full or the state is closed.
    pub(super) fn compact(&self) {
        let slot = self.lock_tree();
        self.requested.store(false, Ordering::Release);
        let Some(tree) = slot.as_ref() else { return };
        let began = Instant::now();
        while self.may_step(tree) && self.step(tree) {
            self.compactions.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(watched) = self.lock_watched().take() {
            watched.get_or_init(|| began.elapsed());
        }
    }

    fn may_step(&self, tree: &AnyTree) -> bool {
        if self.closing.load(Ordering::Acquire) || self.poison.get().is_some() {
            return false;
        }
        let rewritten = match self.policy.compacting() {
            Compacting::FewRuns => tree.disk_space().min(STEP_BYTES_MAX),
            Compacting::FewRewrites => tree.disk_space(),
        };
        let needed = rewritten + FREE_MARGIN_BYTES;
        let roomy = (self.free_space)(&self.dir).is_ok_and(|free| free >= needed);
        if !roomy {
            self.compactions_put_off.fetch_add(1, Ordering::Relaxed);
        }
        roomy
    }

    /// One compaction; true if it changed the tables. A failed one may have left a version on disk
    /// that the tree does not know, so it poisons the state like a failed flush.
    fn step(&self, tree: &AnyTree) -> bool {
        let Some(strategy) = self.policy.next(tree) else {
            return false;
        };
        let before = tree.current_version().id();
        let compacted =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tree.compact(strategy, NEWEST)));
        match compacted {
            Ok(Ok(())) => tree.current_version().id() != before,
            Ok(Err(error)) => self.poison_by_compaction(&error.to_string()),
            Err(_) => self.poison_by_compaction("it panicked"),
        }
    }

    fn poison_by_compaction(&self, reason: &str) -> bool {
        let dir: &Path = &self.dir;
        self.poison(format!("compaction in {}: {reason}", dir.display()));
        false
    }

    /// Forbids every later flush and returns the error it will give.
    pub(super) fn poison(&self, reason: String) -> StateError {
        StateError::Poisoned {
            reason: self.poison.get_or_init(|| reason).clone(),
        }
    }

    pub(super) fn check_poison(&self) -> Result<(), StateError> {
        self.poison.get().map_or(Ok(()), |reason| {
            Err(StateError::Poisoned {
                reason: reason.clone(),
            })
        })
    }

    /// Takes the pin's files away when the state is closed.
    pub(super) fn keep_pin(&self, pin: &Arc<Pin>) {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        pins.retain(|pin| pin.strong_count() > 0);
        pins.push(Arc::downgrade(pin));
    }

    /// Waits for the running compaction step and takes the compaction thread's handle away, and those of snapshots
    /// that are not written.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Release);
        let pins = std::mem::take(&mut *self.pins.lock().unwrap_or_else(PoisonError::into_inner));
        pins.iter().filter_map(Weak::upgrade).for_each(|pin| pin.close());
        drop(self.lock_tree().take());
    }

    pub(super) fn count_flush(&self) {
        self.flushes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn counters(&self, tree: &AnyTree) -> LsmCounters {
        LsmCounters {
            flushes: self.flushes.load(Ordering::Relaxed),
            compactions: self.compactions.load(Ordering::Relaxed),
            compactions_put_off: self.compactions_put_off.load(Ordering::Relaxed),
            tables: tree.table_count() as u64,
            l0_tables: tree.level_table_count(0).unwrap_or(0) as u64,
            table_bytes: tree.disk_space(),
        }
    }

    fn lock_watched(&self) -> MutexGuard<'_, Option<Arc<OnceLock<Duration>>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_tree(&self) -> MutexGuard<'_, Option<AnyTree>> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
