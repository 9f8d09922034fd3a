//! From checkpoints, or from the log alone, to the state of a partition that is lost.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use everspan_checkpoint::{Location, Report, Restored, Run};
use everspan_state::store::{CheckpointStore, Manifest};
use everspan_state::{Durability, LsmBackend, LsmOptions, Owned, Recovery, RestoredBytes};

use super::{Place, Start, suspect_file};
use crate::checkpoints::manifest;
use crate::checkpoints::options::TASK;
use crate::checkpoints::progress::Said;
use crate::checkpoints::trim_note::TrimNote;
use crate::checkpoints::upload::range_of;

/// The checkpoints a partition may be restored from, newest first.
#[derive(Clone)]
pub(super) struct Candidates {
    store: Option<Arc<CheckpointStore>>,
    manifests: Vec<Manifest>,
}

impl Candidates {
    pub(super) fn into_store(self) -> Option<Arc<CheckpointStore>> {
        self.store
    }
}

impl Start {
    /// Takes the newest checkpoint that is whole and that the log goes on behind; without one, all of the log.
    pub(super) fn restore(
        &mut self,
        at: &Place<'_>,
        options: &LsmOptions,
        why: &str,
        report: &mut Report,
    ) -> Result<LsmBackend, String> {
        let partition = at.partition;
        tracing::error!(partition, why, "the state of a partition is missing or damaged");
        let none = match self.newest(at, options, report) {
            Ok(state) => return Ok(state),
            Err(none) => none,
        };
        if at.log.has_everything() {
            tracing::warn!(
                partition,
                none,
                "the log has every record of the partition: its state is made of them"
            );
            put_aside(at.dir).map_err(|error| error.to_string())?;
            return LsmBackend::open(at.dir, options.clone()).map_err(|error| error.to_string());
        }
        Err(format!("{why}; {none}"))
    }

    /// The newest checkpoint that can take the place of the state, or why there is none.
    fn newest(
        &mut self,
        at: &Place<'_>,
        options: &LsmOptions,
        report: &mut Report,
    ) -> Result<LsmBackend, String> {
        let candidates = self.candidates()?;
        let trimmed = TrimNote::read(&self.options.dir)?.upto(at.partition);
        let partition = at.partition;
        for manifest in &candidates.manifests {
            let checkpoint = manifest.checkpoint;
            let position = manifest::position_of(manifest, partition);
            let fits = position.and_then(|position| at.log.goes_on_behind(position, trimmed));
            let store = candidates.store.as_deref();
            let restored = fits.and_then(|()| self.restore_from(store, manifest, at, options, report));
            self.progress.restored(restored.is_ok());
            match restored {
                Ok(state) => {
                    tracing::info!(partition, checkpoint, "the state of a partition was restored");
                    self.restored_from(manifest);
                    return Ok(state);
                }
                Err(error) => {
                    tracing::warn!(
                        partition,
                        checkpoint,
                        error,
                        "a checkpoint cannot be used, the one before it is tried"
                    );
                }
            }
        }
        let place = candidates.store.as_ref();
        let place = place.map_or("this host", |store| store.place());
        Err(format!("no checkpoint in {place} can take its place"))
    }

    /// Partitions may come from different checkpoints, for each goes on with its log: the oldest is told.
    fn restored_from(&mut self, manifest: &Manifest) {
        let is_older = |known: u64| manifest.checkpoint < known;
        if self.oldest_used.is_none_or(is_older) {
            self.oldest_used = Some(manifest.checkpoint);
            self.initialization.restores(restored(manifest));
        }
    }

    fn restore_from(
        &self,
        store: Option<&CheckpointStore>,
        manifest: &Manifest,
        at: &Place<'_>,
        options: &LsmOptions,
        report: &mut Report,
    ) -> Result<LsmBackend, String> {
        let said = Said::start(self.progress.restores(at.partition, manifest.checkpoint));
        let recovery = Recovery {
            copies: Some(&self.copies),
            store,
            progress: Some(&said.progress),
            durability: Durability::Lasting,
        };
        let owner = owned(at.partition, &self.options.dir);
        let fetched = self
            .runtime
            .block_on(recovery.fetch(manifest, &owner))
            .map_err(|error| error.to_string())?;
        for problem in &fetched.problems {
            tracing::warn!(partition = at.partition, %problem, "a copy on this host is passed over");
        }
        put_aside(at.dir).map_err(|error| error.to_string())?;
        let restored = LsmBackend::restore(&fetched.parts, owner.range, at.dir, options.clone())
            .map_err(|error| error.to_string())?;
        report.download = fetched.download;
        report.restore = Some(restored.restore);
        report.restored_bytes = by_location(&fetched.bytes);
        remove(&owner.to);
        Ok(restored.state)
    }

    /// The checkpoints of this data directory.
    fn candidates(&mut self) -> Result<Candidates, String> {
        if let Some(candidates) = &self.candidates {
            return Ok(candidates.clone());
        }
        let store = self
            .options
            .open_destination()
            .map_err(|error| error.to_string())?;
        let recovery = Recovery {
            copies: Some(&self.copies),
            store: store.as_deref(),
            progress: None,
            durability: Durability::Lasting,
        };
        let (mut manifests, problems) = self
            .runtime
            .block_on(recovery.checkpoints())
            .map_err(|error| error.to_string())?;
        for problem in problems {
            tracing::warn!(%problem, "a checkpoint is passed over");
        }
        manifests.retain(|manifest| self.options.home.owns(manifest));
        if store.is_none() && manifests.is_empty() {
            return Err("no checkpoint.destination is set, from which it could be restored".to_owned());
        }
        let candidates = Candidates { store, manifests };
        self.candidates = Some(candidates.clone());
        Ok(candidates)
    }
}

/// What a partition wants of a checkpoint.
pub(in crate::checkpoints) fn owned(partition: u16, dir: &Path) -> Owned {
    Owned {
        task: TASK.to_owned(),
        range: range_of(partition),
        to: dir.join(format!("restore-{partition:04}")),
    }
}

/// What was fetched is linked into the state.
pub(in crate::checkpoints) fn remove(fetched: &Path) {
    if let Err(error) = std::fs::remove_dir_all(fetched) {
        tracing::warn!(dir = %fetched.display(), %error, "what was downloaded could not be removed");
    }
}

fn by_location(bytes: &RestoredBytes) -> BTreeMap<Location, u64> {
    let all = [
        (Location::LocalMemory, bytes.local_memory),
        (Location::LocalDisk, bytes.local_disk),
        (Location::Remote, bytes.remote),
    ];
    all.into_iter().filter(|(_, bytes)| *bytes > 0).collect()
}

fn restored(manifest: &Manifest) -> Restored {
    let run = Run::new(&manifest.job, &manifest.run);
    Restored {
        checkpoint: manifest.checkpoint,
        full_bytes: manifest.full_bytes(),
        span: Some(run.checkpoint(manifest.checkpoint)),
    }
}

/// Gives a damaged state another name; an older one under that name goes.
fn put_aside(dir: &Path) -> std::io::Result<()> {
    let aside = dir.with_extension("damaged");
    if dir.exists() {
        if aside.exists() {
            std::fs::remove_dir_all(&aside)?;
        }
        std::fs::rename(dir, &aside)?;
    }
    let suspect = suspect_file(dir);
    if suspect.exists() {
        std::fs::remove_file(suspect)?;
    }
    Ok(())
}
