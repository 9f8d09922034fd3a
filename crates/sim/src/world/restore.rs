//! From the newest checkpoint that is whole to states, a request at a time; the process can die at each, and begins
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use everspan_state::MemoryBackend;
use everspan_state::store::{CheckpointStore, Content, FileName, Handle, Manifest, StoreError};
use object_store::ObjectStoreExt;

use super::World;
use crate::copies::Copies;
use crate::cuts::{content, manifests, path_of};
use crate::messages;
use crate::objects::{Damage, Fate, Objects};
use crate::rows::Rows;

/// Which checkpoints may be taken.
#[derive(Clone)]
struct Eligible {
    abandoned: BTreeSet<u64>,
    /// The log goes on behind these records; `None`: there is no log.
    log_from: Option<BTreeMap<u16, u64>>,
}

impl Eligible {
    fn has(&self, manifest: &Manifest) -> bool {
        let from = |partition| self.log_from.as_ref()?.get(&partition).copied();
        let mut parts = (0..).zip(&manifest.tasks[0].parts);
        let log_goes_on = parts.all(|(partition, part)| part.position >= from(partition).unwrap_or(0));
        log_goes_on && !self.abandoned.contains(&manifest.checkpoint)
    }
}

impl World {
    fn eligible(&self, disk_lost: bool) -> Eligible {
        let of = &self.checkpoints;
        Eligible {
            abandoned: of.abandoned.clone(),
            log_from: (!disk_lost).then(|| of.trimmed.clone()),
        }
    }

    /// What the model says can be restored, newest first.
    fn restorable(&self, disk_lost: bool) -> Vec<Manifest> {
        let of = &self.checkpoints;
        let contents = of.objects.contents();
        let eligible = self.eligible(disk_lost);
        let is_whole = |manifest: &Manifest| {
            let mut handles = manifest.tasks[0].parts.iter().flat_map(|part| &part.handles);
            handles.all(|handle| {
                let copy = of.copies.file(manifest.checkpoint, handle.name);
                (copy.is_some() && !disk_lost) || content(handle, &contents).is_some()
            })
        };
        let mut found = manifests(&contents);
        found.retain(|manifest| eligible.has(manifest) && is_whole(manifest));
        found.reverse();
        found
    }

    /// Whether there is a checkpoint to go on from.
    pub(super) fn can_restore(&self, disk_lost: bool) -> bool {
        self.settings.has_checkpoints() && !self.restorable(disk_lost).is_empty()
    }

    /// A file of the newest checkpoint goes bad that the one before it does not need.
    pub(super) fn damage_newest(&mut self, disk_lost: bool) {
        let restorable = self.restorable(disk_lost);
        let [newest, next, ..] = &restorable[..] else {
            return;
        };
        if !self.chance(self.settings.damaging) {
            return;
        }
        let needed: BTreeSet<FileName> = next.stored().collect();
        let own: BTreeSet<FileName> = newest.stored().filter(|name| !needed.contains(name)).collect();
        let own: Vec<FileName> = own.into_iter().collect();
        if own.is_empty() {
            return;
        }
        let path = path_of(own[self.rng.below(own.len())]);
        let objects = Arc::clone(&self.checkpoints.objects);
        // What a copy on the disk has may have gone bad here already.
        if !objects.is_damaged(&path) {
            let damage = [Damage::Flipped, Damage::CutOff, Damage::Gone][self.rng.below(3)];
            self.note(|| format!("checkpoint {} is damaged: {damage:?} {path}", newest.checkpoint));
            objects.damage(&path, damage);
        }
    }

    /// The newest checkpoint that is whole and its states, which are the model's; whatever happens on the way.
    pub(super) fn restore(&mut self, disk_lost: bool) -> (Manifest, Vec<MemoryBackend>) {
        let newest = self.restorable(disk_lost).into_iter().next();
        let newest = newest.expect("nothing is lost that no checkpoint can bring back");
        for tries in 0_u32.. {
            if let Some((manifest, states)) = self.try_to_restore(disk_lost, tries) {
                let checkpoint = manifest.checkpoint;
                self.note(|| format!("checkpoint {checkpoint} is restored"));
                assert_eq!(
                    checkpoint, newest.checkpoint,
                    "the newest whole checkpoint is taken"
                );
                for (partition, state) in states.iter().enumerate() {
                    self.checkpoints.cuts.check(checkpoint, partition, state);
                }
                messages::all_whole(checkpoint, &states);
                let eligible = self.eligible(disk_lost);
                let all = manifests(&self.checkpoints.objects.contents()).into_iter();
                let passed_over = all.filter(|other| eligible.has(other) && other.checkpoint > checkpoint);
                self.checkpoints.passed_over += passed_over.count() as u64;
                self.checkpoints.restored += 1;
                return (manifest, states);
            }
        }
        unreachable!("some try comes to its end")
    }

    /// `None`: the process died, or the store failed; both less and less often, so that it comes to an end.
    fn try_to_restore(&mut self, disk_lost: bool, tries: u32) -> Option<(Manifest, Vec<MemoryBackend>)> {
        let patience = 1 << tries.min(20);
        let of = &self.checkpoints;
        let restoring = Restoring {
            store: Arc::clone(&of.store),
            objects: Arc::clone(&of.objects),
            copies: of.copies.clone(),
            eligible: self.eligible(disk_lost),
        };
        let mut restored = Box::pin(restoring.newest());
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

struct Restoring {
    store: Arc<CheckpointStore>,
    objects: Arc<Objects>,
    copies: Copies,
    eligible: Eligible,
}

/// Why a checkpoint was not restored.
enum Failure {
    /// A file of it is not what was written: an older one may do.
    Damaged(FileName),
    /// The store failed.
    Store,
}

impl Restoring {
    async fn newest(self) -> Result<(Manifest, Vec<MemoryBackend>), StoreError> {
        let listing = self.store.list().await?;
        for manifest in listing.readable.into_iter().rev() {
            if !self.eligible.has(&manifest) {
                continue;
            }
            match self.states(&manifest).await {
                Ok(states) => return Ok((manifest, states)),
                Err(Failure::Damaged(name)) => self.store.doubt(name),
                Err(Failure::Store) => {
                    return Err(StoreError::Failed {
                        path: String::new(),
                        tries: 1,
                        reason: "out of order".to_owned(),
                    });
                }
            }
        }
        panic!("some checkpoint can be restored");
    }

    async fn states(&self, manifest: &Manifest) -> Result<Vec<MemoryBackend>, Failure> {
        let mut states = Vec::new();
        for part in &manifest.tasks[0].parts {
            let mut files = Vec::new();
            for handle in &part.handles {
                files.push(match self.copies.file(manifest.checkpoint, handle.name) {
                    Some(bytes) => bytes,
                    None => self.fetch(handle).await?,
                });
            }
            states.push(Rows::state(part.position, &files));
        }
        Ok(states)
    }

    async fn fetch(&self, handle: &Handle) -> Result<Bytes, Failure> {
        let bytes = match &handle.content {
            Content::Inline(bytes) => Ok(bytes.clone()),
            Content::Stored => match self.objects.get(&path_of(handle.name)).await {
                Ok(got) => got.bytes().await,
                Err(error) => Err(error),
            },
        };
        let bytes = match bytes {
            Ok(bytes) => Some(bytes),
            Err(object_store::Error::NotFound { .. }) => None,
            Err(_) => return Err(Failure::Store),
        };
        match bytes.filter(|bytes| FileName::of(bytes) == handle.name) {
            Some(bytes) => Ok(bytes),
            None => {
                let is_known = self.objects.is_damaged(&path_of(handle.name));
                assert!(
                    is_known,
                    "file {} of a checkpoint is as it was written",
                    handle.name
                );
                Err(Failure::Damaged(handle.name))
            }
        }
    }
}
