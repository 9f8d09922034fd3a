//! Opens a crash image and says whether what is in it may be there.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use bytes::Bytes;
use everspan_state::{Backend, LsmBackend, LsmShared, MemoryBackend, OpenError};
use tempfile::TempDir;

use crate::history::Promise;
use crate::image::Image;
use crate::script::apply_next;
use crate::writer::{options, state_dir};

/// One image in so many is also written to.
const WRITTEN_ON_EVERY: usize = 16;

/// Images are written to memory where the system offers it: nothing in them has to outlive the test.
const MEMORY: &str = "/dev/shm";

type Rows = Vec<(Bytes, Bytes)>;

/// What an image turned out to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The state after the commit at this position, complete.
    State(u64),
    /// No state, and a new one can be created in its place.
    Absent,
    /// Neither: it is refused, wrong, or cannot be worked with.
    Bad(String),
}

pub(crate) struct Judge {
    shared: LsmShared,
    /// What each promised position stands for.
    expected: BTreeMap<u64, Rows>,
    /// Many images are equal, those between two syncs above all.
    known: BTreeMap<u128, Found>,
}

impl Judge {
    pub(crate) fn new(promises: &[Promise]) -> Self {
        let mut model = MemoryBackend::new();
        let mut expected = BTreeMap::new();
        for promise in promises {
            while model.applied() < promise.position {
                apply_next(&mut model);
            }
            let rows = model.scan(b"", None, usize::MAX).unwrap();
            expected.insert(promise.position, rows);
        }
        Self {
            shared: LsmShared::start(1 << 20, 64).unwrap(),
            expected,
            known: BTreeMap::new(),
        }
    }

    /// Different images seen so far.
    pub(crate) fn images(&self) -> usize {
        self.known.len()
    }

    /// `Err` with the reason if `image` must not be left behind once `promised` was said.
    pub(crate) fn check(&mut self, image: &Image, promised: Option<u64>) -> Result<(), String> {
        match (self.examine(image), promised) {
            (Found::Bad(reason), _) => Err(reason),
            (Found::Absent, None) | (Found::State(0), None) => Ok(()),
            (Found::Absent, Some(promised)) => Err(format!("no state, but {promised} was promised")),
            (Found::State(found), None) => Err(format!("{found}, but nothing was flushed")),
            (Found::State(found), Some(promised)) => {
                let next = self.expected.range(promised + 1..).next();
                let allowed = found == promised || next.is_some_and(|(&next, _)| next == found);
                let wrong = format!("{found}, but {promised} was promised");
                allowed.then_some(()).ok_or(wrong)
            }
        }
    }

    fn examine(&mut self, image: &Image) -> Found {
        let digest = image.digest();
        if let Some(found) = self.known.get(&digest) {
            return found.clone();
        }
        let found = catch_unwind(AssertUnwindSafe(|| self.open(image)));
        let found = found.unwrap_or_else(|_| Found::Bad("it panicked".to_owned()));
        self.known.insert(digest, found.clone());
        found
    }

    fn open(&self, image: &Image) -> Found {
        let root = TempDir::new_in(MEMORY).or_else(|_| TempDir::new()).unwrap();
        image.write(root.path());
        let dir = state_dir(root.path());
        let found = match self.open_existing(&dir) {
            Ok(state) => self.compare(&state),
            Err(OpenError::Absent { .. }) => self.create(&dir),
            Err(error) => Found::Bad(error.to_string()),
        };
        match found {
            Found::State(position) if self.known.len().is_multiple_of(WRITTEN_ON_EVERY) => {
                self.write_on(&dir, position)
            }
            Found::Bad(reason) => Found::Bad(reason.replace(&format!("{}/", dir.display()), "")),
            found => found,
        }
    }

    fn open_existing(&self, dir: &Path) -> Result<LsmBackend, OpenError> {
        LsmBackend::open_existing(dir, options(self.shared.clone()))
    }

    /// What the power cut left behind must not spoil what is written later.
    fn write_on(&self, dir: &Path, position: u64) -> Found {
        let mut model = MemoryBackend::new();
        let mut state = self.open_existing(dir).unwrap();
        while model.applied() < position {
            apply_next(&mut model);
        }
        for _ in 0..2 {
            apply_next(&mut state);
            apply_next(&mut model);
            state.flush().unwrap();
        }
        drop(state);
        let state = self.open_existing(dir).unwrap();
        if state.digest() == model.digest() && state.verify_tables().is_ok() {
            Found::State(position)
        } else {
            Found::Bad(format!("{position}, but writing on spoils it"))
        }
    }

    fn create(&self, dir: &Path) -> Found {
        match LsmBackend::open(dir, options(self.shared.clone())) {
            Ok(state) if state.applied() == 0 => Found::Absent,
            Ok(state) => Found::Bad(format!("a new state is at {}", state.applied())),
            Err(error) => Found::Bad(format!("no state, and none can be created: {error}")),
        }
    }

    fn compare(&self, state: &LsmBackend) -> Found {
        let position = state.applied();
        let Some(expected) = self.expected.get(&position) else {
            return Found::Bad(format!("{position} is no position of a flush"));
        };
        if let Err(error) = state.verify_tables() {
            return Found::Bad(error.to_string());
        }
        match state.scan(b"", None, usize::MAX) {
            Ok(rows) if rows != *expected => Found::Bad(format!("wrong rows at {position}")),
            Err(error) => Found::Bad(error.to_string()),
            Ok(_) if !gets_agree(state, expected) => Found::Bad(format!("wrong gets at {position}")),
            Ok(_) => Found::State(position),
        }
    }
}

/// Point reads take another way through the tree than scans.
fn gets_agree(state: &LsmBackend, expected: &Rows) -> bool {
    let present = expected
        .iter()
        .all(|(key, value)| state.get(key).is_ok_and(|found| found.as_ref() == Some(value)));
    let absent = (0..1024).step_by(37).all(|key| {
        let key = Bytes::from(format!("key/{key:04}"));
        let there = expected.binary_search_by(|(known, _)| known.cmp(&key)).is_ok();
        state.get(&key).is_ok_and(|found| found.is_some() == there)
    });
    present && absent
}
