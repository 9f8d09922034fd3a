//! Checkpoints in an object store: a directory, S3 or its likes.
//!
//! ```text
//! <prefix>/files/<2 hex>/<checksum>-<length>     content; named by what is in it, so never changed
//! <prefix>/checkpoints/<20 digits>.manifest      says which files make up a checkpoint; created only if absent
//! ```
//!
//! A checkpoint exists when its manifest does. Files are put before the manifest that names them, and removed after
//! it: whatever a crash leaves is a whole checkpoint, or files that nobody names, which [`CheckpointStore::clean`]
//! removes. A file that an earlier checkpoint has already put is not put again: a checkpoint is incremental by itself.
//!
//! One process writes to a prefix at a time; any number may read.

mod cloud;
mod directory;
mod error;
mod ledger;
mod leftovers;
mod manifest;
mod names;
mod open;
mod retention;
mod retry;
mod silence;
mod transfer;

use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use object_store::path::Path as StorePath;
use object_store::{DynObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

pub use error::StoreError;
use ledger::Ledger;
pub use manifest::{Attachment, Content, Handle, Manifest, ManifestError, Part, TaskState};
pub use names::FileName;
pub use open::{StoreOptions, StorePlaceError};
pub use retention::Cleaned;
pub use retry::Retry;
use silence::in_time;
pub use transfer::{Moved, Source, Uploaded};

/// The checkpoints of one job.
pub struct CheckpointStore {
    objects: Arc<DynObjectStore>,
    prefix: StorePath,
    place: String,
    /// Where it is, if it is a directory.
    dir: Option<std::path::PathBuf>,
    options: StoreOptions,
    ledger: Mutex<Ledger>,
    /// Held for reading while a file is claimed, for writing while one is removed.
    gate: tokio::sync::RwLock<()>,
    counts: Counts,
}

/// What went wrong with a store since it was opened; asking again may have mended it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCounters {
    /// Requests that failed, each try by itself. What the client of a cloud asks again on its own is not among them.
    pub failed_requests: u64,
    /// Files that came with other bytes than were written, each time by itself.
    pub damaged_files: u64,
}

#[derive(Debug, Default)]
struct Counts {
    failed_requests: AtomicU64,
    damaged_files: AtomicU64,
}

/// Every checkpoint that a store or a host has, in the order of their numbers.
#[derive(Debug, Default)]
pub struct Listing {
    /// Those whose manifest was read.
    pub readable: Vec<Manifest>,
    /// Those whose manifest is there but damaged, and what is wrong with it.
    pub damaged: Vec<(u64, ManifestError)>,
}

impl CheckpointStore {
    /// Where it is, for people.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Reads every manifest; to be called first, for before it no file is removed. What is found there counts as known from then on: files it names are not put again.
    ///
    /// # Errors
    ///
    /// When the store cannot be read; a damaged manifest is not an error.
    pub async fn list(&self) -> Result<Listing, StoreError> {
        let mut numbers = self.numbers().await?;
        numbers.sort_unstable();
        let mut listing = Listing::default();
        for number in numbers {
            match self.manifest(number).await? {
                Some(Ok(manifest)) => listing.readable.push(manifest),
                Some(Err(error)) => listing.damaged.push((number, error)),
                None => {}
            }
        }
        let mut ledger = self.ledger();
        for manifest in &listing.readable {
            ledger.know(manifest);
        }
        ledger.all_manifests_read = listing.damaged.is_empty();
        drop(ledger);
        Ok(listing)
    }

    /// The manifest of one checkpoint: `None` when there is none, an inner error when it is damaged.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn manifest(&self, number: u64) -> Result<Option<Result<Manifest, ManifestError>>, StoreError> {
        let path = names::manifest_path(&self.prefix, number);
        let bytes = match self.get(&path).await {
            Err(StoreError::Missing { .. }) => return Ok(None),
            bytes => bytes?,
        };
        Ok(Some(Manifest::decode_as(number, &bytes)))
    }

    /// Makes a checkpoint exist; returns the manifest's size in bytes. Its files must have been [put](Self::put) for
    /// it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Exists`] when another checkpoint has this number; nothing was changed then.
    pub async fn publish(&self, manifest: &Manifest) -> Result<u64, StoreError> {
        let bytes = bytes::Bytes::from(manifest.encode());
        let length = bytes.len() as u64;
        let path = names::manifest_path(&self.prefix, manifest.checkpoint);
        let put = self
            .ask(&path, || async {
                let options = PutOptions::from(PutMode::Create);
                let payload = PutPayload::from_bytes(bytes.clone());
                object_store::ObjectStore::put_opts(&*self.objects, &path, payload, options).await
            })
            .await;
        match put {
            Ok(_) => {}
            // A repeated request may find what the first one wrote.
            Err(StoreError::Exists { .. }) if self.get(&path).await? == bytes => {}
            Err(error) => return Err(error),
        }
        let mut ledger = self.ledger();
        ledger.know(manifest);
        ledger.unpin(manifest.checkpoint);
        Ok(length)
    }

    async fn numbers(&self) -> Result<Vec<u64>, StoreError> {
        let dir = names::manifests(&self.prefix);
        let metas = self.list_under(&dir).await?;
        Ok(metas
            .iter()
            .filter_map(|meta| names::manifest_number(&meta.location))
            .collect())
    }

    async fn list_under(&self, dir: &StorePath) -> Result<Vec<object_store::ObjectMeta>, StoreError> {
        use futures_util::TryStreamExt;
        let max = self.options.silence_max;
        let list = || async {
            let mut listed = object_store::ObjectStore::list(&*self.objects, Some(dir));
            let mut metas = Vec::new();
            while let Some(meta) = in_time(max, listed.try_next()).await?? {
                metas.push(meta);
            }
            Ok(metas)
        };
        self.ask(dir, list).await
    }

    async fn get(&self, path: &StorePath) -> Result<bytes::Bytes, StoreError> {
        let max = self.options.silence_max;
        let get = || async {
            let got = in_time(max, self.objects.get(path)).await??;
            in_time(max, got.bytes()).await?
        };
        self.ask(path, get).await
    }

    /// Asks the store, again and again if need be.
    async fn ask<T, F>(&self, path: &StorePath, ask: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let retry = self.options.retry;
        retry.run(&self.counts.failed_requests, path, ask).await
    }

    /// What went wrong since the store was opened.
    pub fn counters(&self) -> StoreCounters {
        StoreCounters {
            failed_requests: self.counts.failed_requests.load(Ordering::Relaxed),
            damaged_files: self.counts.damaged_files.load(Ordering::Relaxed),
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Nothing under this lock panics half-way.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CheckpointStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckpointStore")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
