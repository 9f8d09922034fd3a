//! What checkpoints must be: the state of every partition at one cut, whole as long as the manifest is there, and
//! nothing beside them once a start has cleaned up.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use everspan_state::store::{Content, FileName, Handle, Manifest};
use everspan_state::{Backend, MemoryBackend};
use object_store::path::Path;

use crate::messages;
use crate::objects::Objects;
use crate::rows::Rows;

/// Where the store has its objects.
pub(crate) const PREFIX: &str = "sim";

/// The model's states at every cut: position and digest, by checkpoint and partition.
#[derive(Default)]
pub(crate) struct Cuts(BTreeMap<u64, BTreeMap<usize, (u64, u128)>>);

impl Cuts {
    /// A checkpoint begins; a number may come again when the disk that knew it was lost.
    pub(crate) fn begun(&mut self, checkpoint: u64) {
        self.0.insert(checkpoint, BTreeMap::new());
    }

    /// What the model says of a partition at the cut.
    pub(crate) fn cut(&mut self, checkpoint: u64, partition: usize, position: u64, digest: u128) {
        let cut = self.0.entry(checkpoint).or_default();
        let before = cut.insert(partition, (position, digest));
        assert!(
            before.is_none(),
            "partition {partition} is cut once for {checkpoint}"
        );
    }

    /// A restored state is the model's.
    pub(crate) fn check(&self, checkpoint: u64, partition: usize, state: &MemoryBackend) {
        let cut = self.0.get(&checkpoint).and_then(|cut| cut.get(&partition));
        let found = (state.applied(), state.digest().expect("memory can be read"));
        assert_eq!(
            Some(&found),
            cut,
            "checkpoint {checkpoint} has partition {partition} as the model had it"
        );
    }

    /// Every checkpoint in the store is the model's.
    pub(crate) fn all_whole(&self, objects: &Objects) {
        let contents = objects.contents();
        for manifest in manifests(&contents) {
            if !has_damage(&manifest, objects) {
                self.whole_in(&manifest, &contents);
            }
        }
    }

    /// A checkpoint is the model's in every partition, and the store has all of it.
    pub(crate) fn whole(&self, manifest: &Manifest, objects: &Objects) {
        let contents = objects.contents();
        assert!(
            manifests(&contents).contains(manifest),
            "checkpoint {} is in the store",
            manifest.checkpoint
        );
        if !has_damage(manifest, objects) {
            self.whole_in(manifest, &contents);
        }
    }

    fn whole_in(&self, manifest: &Manifest, contents: &BTreeMap<Path, Bytes>) {
        let parts = &manifest.tasks[0].parts;
        let partitions = usize::from(manifest.tasks[0].key_groups);
        assert_eq!(parts.len(), partitions, "a checkpoint has every partition");
        let mut states = Vec::new();
        for (partition, part) in parts.iter().enumerate() {
            let file = |handle: &Handle| content(handle, contents);
            let files: Option<Vec<Bytes>> = part.handles.iter().map(file).collect();
            let files = files.expect("every file of a checkpoint is in the store as it was written");
            let state = Rows::state(part.position, &files);
            self.check(manifest.checkpoint, partition, &state);
            states.push(state);
        }
        messages::all_whole(manifest.checkpoint, &states);
    }

    /// Nothing was removed that a checkpoint in the store needs.
    pub(crate) fn all_files_there(objects: &Objects) {
        let contents = objects.contents();
        for manifest in manifests(&contents) {
            for name in manifest.stored() {
                let path = path_of(name);
                assert!(
                    contents.contains_key(&path) || objects.is_damaged(&path),
                    "file {name} of checkpoint {} was removed",
                    manifest.checkpoint
                );
            }
        }
    }

    /// No file is left that no checkpoint needs.
    pub(crate) fn no_orphans(objects: &Objects) {
        let contents = objects.contents();
        let manifests = manifests(&contents);
        let needed = manifests.iter().flat_map(Manifest::stored);
        let needed: BTreeSet<Path> = needed.map(path_of).collect();
        let files = contents.keys().filter(|path| !is_manifest(path));
        let orphans: Vec<&Path> = files.filter(|path| !needed.contains(*path)).collect();
        assert!(
            orphans.is_empty(),
            "a start leaves no file that no checkpoint needs: {orphans:?}"
        );
    }
}

/// Where a file lies in the store.
pub(crate) fn path_of(name: FileName) -> Path {
    let name = name.to_string();
    Path::from(format!("{PREFIX}/files/{}/{name}", &name[..2]))
}

/// Every checkpoint of the store, oldest first: a manifest is whole, or it is not there.
pub(crate) fn manifests(contents: &BTreeMap<Path, Bytes>) -> Vec<Manifest> {
    let manifests = contents.iter().filter(|(path, _)| is_manifest(path));
    let manifest =
        |(_, bytes): (_, &Bytes)| Manifest::decode(bytes).expect("a manifest in the store is whole");
    manifests.map(manifest).collect()
}

pub(crate) fn is_manifest(path: &Path) -> bool {
    path.as_ref().ends_with(".manifest")
}

/// Whether a file of the checkpoint went bad in the store: nobody may know yet, nor those who name it again.
fn has_damage(manifest: &Manifest, objects: &Objects) -> bool {
    manifest.stored().any(|name| objects.is_damaged(&path_of(name)))
}

/// What a file holds, if it is whole.
pub(crate) fn content(handle: &Handle, contents: &BTreeMap<Path, Bytes>) -> Option<Bytes> {
    let bytes = match &handle.content {
        Content::Inline(bytes) => bytes,
        Content::Stored => contents.get(&path_of(handle.name))?,
    };
    (FileName::of(bytes) == handle.name).then(|| bytes.clone())
}
