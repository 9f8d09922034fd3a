//! From the newest checkpoint to states, a request at a time; the process can die at each, and begins again.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use everspan_state::MemoryBackend;
use everspan_state::store::{CheckpointStore, Content, FileName, Handle, Manifest, StoreError};
use object_store::ObjectStoreExt;

use super::World;
use crate::copies::Copies;
use crate::cuts::{is_manifest, path_of};
use crate::objects::{Fate, Objects};
use crate::rows::Rows;

/// States of all partitions, and the checkpoint that has them.
struct Restored {
    checkpoint: u64,
    states: Vec<MemoryBackend>,
}

impl World {
    /// Whether there is a checkpoint.
    pub(super) fn can_restore(&self) -> bool {
        let names = self.checkpoints.objects.names();
        self.settings.has_checkpoints() && names.iter().any(is_manifest)
    }

    /// The states of the newest checkpoint, which are the model's; whatever happens on the way.
    pub(super) fn restore(&mut self) -> Vec<MemoryBackend> {
        for tries in 0_u32.. {
            if let Some(restored) = self.try_to_restore(tries) {
                let checkpoint = restored.checkpoint;
                self.note(|| format!("checkpoint {checkpoint} is restored"));
                for (partition, state) in restored.states.iter().enumerate() {
                    self.checkpoints.cuts.check(checkpoint, partition, state);
                }
                self.checkpoints.restored += 1;
                return restored.states;
            }
        }
        unreachable!("some try comes to its end")
    }

    /// `None`: the process died, or the store failed; both less and less often, so that it comes to an end.
    fn try_to_restore(&mut self, tries: u32) -> Option<Restored> {
        let patience = 1 << tries.min(20);
        let of = &self.checkpoints;
        let restored = restored(Arc::clone(&of.store), Arc::clone(&of.objects), of.copies.clone());
        let mut restored = Box::pin(restored);
        loop {
            if self.chance(self.settings.dying_restore * patience) {
                self.note(|| "the process dies while it restores".to_owned());
                return None;
            }
            if self.chance(self.settings.failing_store * patience) {
                self.checkpoints.objects.doom(Fate::Refused);
            }
            if let Poll::Ready(restored) = restored.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return restored.ok();
            }
        }
    }
}

async fn restored(
    store: Arc<CheckpointStore>,
    objects: Arc<Objects>,
    copies: Copies,
) -> Result<Restored, StoreError> {
    let listing = store.list().await?;
    let manifest: &Manifest = listing.readable.last().expect("there is a checkpoint");
    let checkpoint = manifest.checkpoint;
    let mut states = Vec::new();
    for part in &manifest.tasks[0].parts {
        let mut files = Vec::new();
        for handle in &part.handles {
            files.push(match copies.file(checkpoint, handle.name) {
                Some(bytes) => bytes,
                None => fetch(&objects, handle).await?,
            });
        }
        states.push(Rows::state(part.position, &files));
    }
    Ok(Restored { checkpoint, states })
}

async fn fetch(objects: &Objects, handle: &Handle) -> Result<Bytes, StoreError> {
    let bytes = match &handle.content {
        Content::Inline(bytes) => bytes.clone(),
        Content::Stored => {
            let path = path_of(handle.name);
            let failed = |error: object_store::Error| {
                assert!(
                    !matches!(error, object_store::Error::NotFound { .. }),
                    "a file of the newest checkpoint is there: {error}"
                );
                StoreError::Failed {
                    path: path.to_string(),
                    tries: 1,
                    reason: error.to_string(),
                }
            };
            let got = objects.get(&path).await.map_err(failed)?;
            got.bytes().await.map_err(failed)?
        }
    };
    assert_eq!(FileName::of(&bytes), handle.name, "a file is what its name says");
    Ok(bytes)
}
