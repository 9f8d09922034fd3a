//! From checkpoints to the files of an owner, on this host's disk.
//!
//! ```text
//!   copies on this host ─┐
//!                        ├─► newest first ─► files: from the copy where they are whole, else from the store
//!   store ───────────────┘        └── damaged, or files missing: said, and the next older one is tried
//! ```
//!
//! Every file is compared with its name before anyone reads it.

mod error;
mod fetch;
mod fetched;
mod progress;

use std::collections::BTreeMap;
use std::path::PathBuf;

pub use error::{FetchError, Problem};
pub use fetch::{Fetched, RestoredBytes};
pub use fetched::{FetchedFile, FetchedPart};
pub use progress::Progress;

use crate::disk::Durability;
use crate::key_group::KeyGroupRange;
use crate::local::LocalCopies;
use crate::store::{CheckpointStore, Listing, Manifest, StoreError};

/// Where checkpoints may be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Recovery<'a> {
    /// On this host.
    pub copies: Option<&'a LocalCopies>,
    /// Elsewhere.
    pub store: Option<&'a CheckpointStore>,
    /// Is told of every byte, for whoever watches.
    pub progress: Option<&'a Progress>,
    /// What is made of the files: only scratch may share files with a store that is a directory.
    pub durability: Durability,
}

/// What an owner wants of a checkpoint.
#[derive(Clone, Debug)]
pub struct Owned {
    /// Its task.
    pub task: String,
    /// Its key groups.
    pub range: KeyGroupRange,
    /// Where its files go: a directory that does not exist, best on the disk of its state.
    pub to: PathBuf,
}

/// A checkpoint whose files are here.
#[derive(Debug)]
pub struct Found {
    /// Which one.
    pub manifest: Manifest,
    /// For every owner that asked, in their order.
    pub owners: Vec<Fetched>,
}

impl Recovery<'_> {
    /// Every checkpoint that has a whole manifest, newest first, and what is wrong with the others. A store that does
    /// not answer is a problem, not an error, as long as there are copies.
    ///
    /// # Errors
    ///
    /// When the store does not answer and there is no copy.
    pub async fn checkpoints(&self) -> Result<(Vec<Manifest>, Vec<Problem>), StoreError> {
        let mut known = BTreeMap::new();
        let mut problems = Vec::new();
        if let Some(copies) = self.copies {
            let place = copies.dir().display().to_string();
            match copies.list() {
                Ok(listing) => take(listing, &place, &mut known, &mut problems),
                Err(error) => problems.push(Problem::new(None, &place, error)),
            }
        }
        if let Some(store) = self.store {
            match store.list().await {
                Ok(listing) => take(listing, store.place(), &mut known, &mut problems),
                Err(error) if known.is_empty() => return Err(error),
                Err(error) => problems.push(Problem::new(None, store.place(), error)),
            }
        }
        Ok((known.into_values().rev().collect(), problems))
    }

    /// The newest checkpoint of which every one of `owners` has its files: those are brought here. Returns the
    /// problems with newer ones, too; `None` when there is no checkpoint that is whole.
    ///
    /// # Errors
    ///
    /// When the store does not answer: an older checkpoint is not taken for that.
    pub async fn newest(&self, owners: &[Owned]) -> Result<(Option<Found>, Vec<Problem>), FetchError> {
        let (manifests, mut problems) = self.checkpoints().await.map_err(FetchError::Store)?;
        for manifest in manifests {
            match self.all(&manifest, owners).await {
                Ok(owners) => return Ok((Some(Found { manifest, owners }), problems)),
                Err(error) if error.is_damage() => {
                    let place = self.store.map_or("this host", CheckpointStore::place);
                    problems.push(Problem::new(Some(manifest.checkpoint), place, error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((None, problems))
    }

    async fn all(&self, manifest: &Manifest, owners: &[Owned]) -> Result<Vec<Fetched>, FetchError> {
        let mut all = Vec::new();
        for owner in owners {
            all.push(self.fetch(manifest, owner).await?);
        }
        Ok(all)
    }
}

/// Newer replaces older of the same number and run: the store's manifest says what is inline.
fn take(
    listing: Listing,
    place: &str,
    known: &mut BTreeMap<(u64, String), Manifest>,
    problems: &mut Vec<Problem>,
) {
    for manifest in listing.readable {
        known.insert((manifest.checkpoint, manifest.run.clone()), manifest);
    }
    let damaged = listing.damaged.into_iter();
    problems.extend(damaged.map(|(number, error)| Problem::new(Some(number), place, error)));
}

#[cfg(test)]
mod tests;
