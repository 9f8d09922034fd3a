//! Which files are needed, and by whom.

use std::collections::{BTreeMap, BTreeSet};

use super::{FileName, Manifest};

/// What the store knows of its own content.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Files of checkpoints that exist, with the checkpoints that name them.
    users: BTreeMap<FileName, BTreeSet<u64>>,
    /// Files put for checkpoints that are under way.
    pins: BTreeMap<u64, BTreeSet<FileName>>,
    /// Files that a checkpoint names and that are not what was written, or not there.
    doubted: BTreeSet<FileName>,
    /// Every manifest was read: whatever is not known is an orphan.
    pub(super) all_manifests_read: bool,
}

impl Ledger {
    /// The checkpoint exists.
    pub(super) fn know(&mut self, manifest: &Manifest) {
        for name in manifest.stored() {
            self.users.entry(name).or_default().insert(manifest.checkpoint);
        }
    }

    /// The file is in the store, as part of a checkpoint that exists; as far as anybody knows it is whole.
    pub(super) fn has(&self, name: FileName) -> bool {
        self.users.contains_key(&name) && !self.doubted.contains(&name)
    }

    /// The file is not what was written, or not there: whoever needs it puts it again.
    pub(super) fn doubt(&mut self, name: FileName) {
        self.doubted.insert(name);
    }

    /// The file was put.
    pub(super) fn trust(&mut self, name: FileName) {
        self.doubted.remove(&name);
    }

    /// The files that checkpoints name.
    pub(super) fn names(&self) -> impl Iterator<Item = FileName> {
        self.users.keys().copied()
    }

    /// A checkpoint under way needs the file.
    pub(super) fn pin(&mut self, checkpoint: u64, name: FileName) {
        self.pins.entry(checkpoint).or_default().insert(name);
    }

    /// The checkpoint is not under way any more; returns what was put for it.
    pub(super) fn unpin(&mut self, checkpoint: u64) -> BTreeSet<FileName> {
        self.pins.remove(&checkpoint).unwrap_or_default()
    }

    /// The checkpoint does not exist any more; returns the files that only it named.
    pub(super) fn forget(&mut self, checkpoint: u64) -> Vec<FileName> {
        let mut freed = Vec::new();
        self.users.retain(|&name, users| {
            let was_used = users.remove(&checkpoint);
            if was_used && users.is_empty() {
                freed.push(name);
            }
            !users.is_empty()
        });
        freed
    }

    /// Nobody needs the file.
    pub(super) fn is_free(&self, name: FileName) -> bool {
        !self.users.contains_key(&name) && !self.pins.values().any(|pinned| pinned.contains(&name))
    }
}
