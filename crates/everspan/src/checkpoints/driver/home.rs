//! The configured destination: what lies in it, and which part of the log it makes needless.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use everspan_checkpoint::{Found, Input, Resumed};
use everspan_state::store::{CheckpointStore, Listing, Manifest};

use super::events::Event;
use super::{Driver, run_name, run_of};
use crate::checkpoints::manifest::{self, Home};
use crate::checkpoints::note::Before;
use crate::checkpoints::statistics::{self, STATISTICS};
use crate::checkpoints::view::NOT_READ;

/// Pause before a destination that could not be read is read again.
const READ_AGAIN: Duration = Duration::from_secs(5);
/// Files of others' checkpoints under way are younger than this.
const FOREIGN_GRACE: Duration = Duration::from_secs(24 * 3600);

/// Complete checkpoints of this data directory in the configured destination.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Position of every partition, by checkpoint; savepoints are left out.
    positions: BTreeMap<u64, BTreeMap<u16, u64>>,
}

impl Known {
    pub(super) fn add(&mut self, manifest: &Manifest) {
        if manifest.is_savepoint {
            return;
        }
        let parts = manifest::parts(manifest).unwrap_or_default();
        let positions = (0..).zip(parts.iter().map(|part| part.position)).collect();
        self.positions.insert(manifest.checkpoint, positions);
    }

    pub(super) fn forget(&mut self, checkpoint: u64) {
        self.positions.remove(&checkpoint);
    }

    /// Their numbers, oldest first.
    pub(super) fn retained(&self) -> Vec<u64> {
        self.positions.keys().copied().collect()
    }

    /// Up to where the oldest has every partition.
    fn oldest(&self) -> Option<&BTreeMap<u16, u64>> {
        self.positions.values().next()
    }
}

impl Driver {
    /// Opens the destination and begins to read it; without one there is nothing to wait for.
    pub(super) fn open(&mut self, before: Before) {
        self.lost = before.lost;
        let opened = self
            .home
            .take()
            .map_or_else(|| self.options.open_destination(), |home| Ok(Some(home)));
        match opened {
            Ok(Some(home)) => {
                self.home = Some(home);
                self.waits_for = Some(NOT_READ.to_owned());
                self.reading = true;
                self.read_home(Duration::ZERO);
            }
            Ok(None) => {
                self.tell_lost(&[]);
                self.tell(Input::TasksReady);
            }
            // It was opened when the server started: a directory that has gone since.
            Err(error) => {
                tracing::error!(%error, "no checkpoints are made");
                self.waits_for = Some(error.to_string());
            }
        }
    }

    /// A checkpoint that was under way when the process died is told as failed, unless its manifest is there.
    fn tell_lost(&mut self, ours: &[Manifest]) {
        let Some(lost) = self.lost.take() else {
            return;
        };
        let name = run_name(&self.options, lost.run);
        let is_it = |manifest: &&Manifest| manifest.checkpoint == lost.checkpoint && manifest.run == name;
        let manifest = ours.iter().find(is_it).filter(|_| lost.place.is_none());
        self.found = manifest.map(|manifest| (manifest.checkpoint, name.clone()));
        let lost = everspan_checkpoint::Lost {
            checkpoint: lost.checkpoint,
            kind: lost.kind,
            run: run_of(&self.options, lost.run),
            triggered_ns: lost.triggered_ns,
        };
        self.tell(match manifest {
            Some(manifest) => Input::Found(Found {
                lost,
                acks: statistics::decode(manifest.attachment(STATISTICS).map_or(&[], |bytes| bytes)),
                metadata_bytes: manifest.encode().len() as u64,
            }),
            None => Input::Lost(lost),
        });
    }

    fn read_home(&self, pause: Duration) {
        let Some(home) = self.home.clone() else { return };
        let (events, of) = (self.events.clone(), self.options.home.clone());
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            let listing = home.list().await.map_err(|error| error.to_string());
            if let Ok(listing) = &listing {
                clean(&home, &of, listing).await;
            }
            // Nobody listens any more when the server goes down.
            drop(events.send(Event::Listed(listing)));
        });
    }

    pub(super) fn listed(&mut self, listing: Result<Listing, String>) {
        let listing = match listing {
            Ok(listing) => listing,
            Err(error) => {
                tracing::warn!(
                    error,
                    "the checkpoint store cannot be read, no checkpoints are made until it can"
                );
                self.waits_for = Some(error);
                self.ask_parked();
                return self.read_home(READ_AGAIN);
            }
        };
        for (checkpoint, error) in &listing.damaged {
            tracing::warn!(checkpoint, %error, "the manifest of a checkpoint is damaged; it is left alone, and so is every file that no other names");
        }
        let is_ours = |manifest: &&Manifest| self.options.home.owns(manifest);
        let ours: Vec<Manifest> = listing.readable.iter().filter(is_ours).cloned().collect();
        let foreign = listing.readable.len() - ours.len();
        if foreign > 0 {
            tracing::warn!(
                checkpoints = foreign,
                "the store holds checkpoints of another data directory; they are left alone"
            );
        }
        ours.iter().for_each(|manifest| self.known.add(manifest));
        let readable = listing.readable.iter().map(|manifest| manifest.checkpoint);
        let damaged = listing.damaged.iter().map(|(checkpoint, _)| *checkpoint);
        self.coordinator.resume(Resumed {
            last_id: readable.chain(damaged).max().unwrap_or(0),
            retained: self.known.retained(),
        });
        self.waits_for = None;
        self.keep_log();
        self.tell_lost(&ours);
        self.tell(Input::TasksReady);
        self.ask_parked();
    }

    /// The log stays from the oldest checkpoint on.
    pub(super) fn keep_log(&self) {
        if let Some(oldest) = self.known.oldest() {
            self.persisted.keep_behind(oldest.clone());
        }
    }
}

/// Removes files that no checkpoint names. Nothing is under way yet, so all of them are left from a crash; if the store
/// is not ours alone, only what is old.
async fn clean(home: &Arc<CheckpointStore>, of: &Home, listing: &Listing) {
    let is_ours_alone = listing.readable.iter().all(|manifest| of.owns(manifest));
    let grace = if is_ours_alone {
        Duration::ZERO
    } else {
        FOREIGN_GRACE
    };
    match home.clean(grace, SystemTime::now()).await {
        Ok(cleaned) if cleaned.missing > 0 => {
            tracing::error!(
                files = cleaned.missing,
                "files of checkpoints are gone from the store or cut off; the next checkpoint puts those again that it needs"
            );
        }
        Ok(cleaned) if cleaned.files > 0 => {
            tracing::info!(
                files = cleaned.files,
                bytes = cleaned.bytes,
                "files that no checkpoint names were removed from the store"
            );
        }
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "files that no checkpoint names are removed later"),
    }
}
