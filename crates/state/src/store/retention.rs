//! Removing checkpoints, and what no checkpoint needs.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use object_store::{ObjectMeta, ObjectStoreExt};

use super::{CheckpointStore, FileName, StoreError, leftovers, names};

/// What a cleaning removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Files that no checkpoint names.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that checkpoints name and that are gone or cut off; those that are needed are put again.
    pub missing: u64,
    /// A manifest is damaged, so nobody knows which files it names: nothing was removed.
    pub blocked_by_damage: bool,
}

impl CheckpointStore {
    /// Removes a checkpoint: from then on it does not exist; files only it named are removed, too.
    ///
    /// # Errors
    ///
    /// When the store fails. The checkpoint may be gone with files left behind, which [`clean`](Self::clean) finds.
    pub async fn forget(&self, checkpoint: u64) -> Result<(), StoreError> {
        let path = names::manifest_path(&self.prefix, checkpoint);
        self.delete(&path).await?;
        let freed = self.ledger().forget(checkpoint);
        self.remove_free(freed).await
    }

    /// A checkpoint under way was given up: what was put for it is removed, unless another one needs it. Its manifest
    /// goes first: an attempt to publish may have succeeded although it was told to have failed.
    ///
    /// # Errors
    ///
    /// When the store fails; [`clean`](Self::clean) finds what is left, unless the checkpoint does exist.
    pub async fn abort(&self, checkpoint: u64) -> Result<(), StoreError> {
        self.delete(&names::manifest_path(&self.prefix, checkpoint))
            .await?;
        let put = {
            let mut ledger = self.ledger();
            let mut put: BTreeSet<FileName> = ledger.unpin(checkpoint);
            // It may have come to exist all the same.
            put.extend(ledger.forget(checkpoint));
            put
        };
        self.remove_free(put).await
    }

    /// Removes files that no checkpoint names, existing or under way, and that are older than `grace` at `now`; of a
    /// directory also what a kill left half-written, so a put under way must be younger than that. Notices files that
    /// are gone, too.
    ///
    /// # Errors
    ///
    /// When the store fails.
    pub async fn clean(&self, grace: Duration, now: SystemTime) -> Result<Cleaned, StoreError> {
        // Read again: a checkpoint may exist although publishing it was told to have failed.
        self.list().await?;
        if !self.ledger().all_manifests_read {
            return Ok(Cleaned {
                blocked_by_damage: true,
                ..Cleaned::default()
            });
        }
        // Before the list: what is published meanwhile is not in it.
        let named: Vec<FileName> = self.ledger().names().collect();
        let listed = self.list_under(&names::files(&self.prefix)).await?;
        let mut cleaned = Cleaned {
            missing: self.doubt_missing(&named, &listed),
            ..Cleaned::default()
        };
        for meta in listed {
            let age = now.duration_since(SystemTime::from(meta.last_modified));
            let is_old = age.is_ok_and(|age| age >= grace);
            let is_orphan =
                || names::file_name(&meta.location).is_none_or(|name| self.ledger().is_free(name));
            let _gate = self.gate.write().await;
            if is_old && is_orphan() {
                self.delete(&meta.location).await?;
                cleaned.files += 1;
                cleaned.bytes += meta.size;
            }
        }
        if let Some(dir) = &self.dir {
            leftovers::remove(dir, grace, now, &mut cleaned).map_err(|error| StoreError::Local {
                path: dir.clone(),
                reason: error.to_string(),
            })?;
        }
        Ok(cleaned)
    }

    /// Doubts every file of `named` that is not in the list with its length; how many those are.
    fn doubt_missing(&self, named: &[FileName], listed: &[ObjectMeta]) -> u64 {
        let whole = |meta: &ObjectMeta| {
            let name = names::file_name(&meta.location)?;
            (name.length == meta.size).then_some(name)
        };
        let whole: BTreeSet<FileName> = listed.iter().filter_map(whole).collect();
        let missing = named.iter().filter(|name| !whole.contains(name));
        missing.map(|&name| self.doubt(name)).count() as u64
    }

    /// Unless some manifest has not been read: then nobody knows what is free, and a later cleaning does it.
    async fn remove_free(&self, names: impl IntoIterator<Item = FileName>) -> Result<(), StoreError> {
        if !self.ledger().all_manifests_read {
            return Ok(());
        }
        for name in names {
            let _gate = self.gate.write().await;
            if self.ledger().is_free(name) {
                self.delete(&names::file_path(&self.prefix, name)).await?;
            }
        }
        Ok(())
    }

    /// What is gone already is removed, too.
    async fn delete(&self, path: &object_store::path::Path) -> Result<(), StoreError> {
        let deleted = self.ask(path, || async { self.objects.delete(path).await }).await;
        match deleted {
            Err(StoreError::Missing { .. }) => Ok(()),
            deleted => deleted,
        }
    }
}
