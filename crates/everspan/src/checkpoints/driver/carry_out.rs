//! What the coordinator says, done.

use std::sync::Arc;

use everspan_checkpoint::{AbortReason, CheckpointSummary, Kind, Output, Ticket};
use everspan_state::store::{CheckpointStore, Manifest};

use super::events::Event;
use super::{Driver, run_name};
use crate::checkpoints::NoCheckpoint;
use crate::checkpoints::manifest::{self, Head};
use crate::checkpoints::note::Lost;
use crate::checkpoints::under_way::UnderWay;
use crate::clock::now_ns;
use crate::worker::Cut;

const NS_PER_MS: u64 = 1_000_000;

impl Driver {
    pub(super) fn carry_out(&mut self, output: Output) {
        match output {
            Output::Begin { checkpoint, kind, .. } => self.begin(checkpoint, kind),
            Output::Publish { checkpoint } => self.publish(checkpoint),
            Output::Completed { checkpoint } => self.completed(checkpoint),
            Output::Abort { checkpoint, reason } => self.abort(checkpoint, &reason),
            Output::Forget { checkpoints } => self.forget(checkpoints),
            Output::FailJob { .. } => unreachable!("a server tolerates any number of failures"),
            Output::Answer { ticket, result } => self.answer(ticket, result),
            Output::Span(span) => {
                self.note_numbers();
                self.spans.add(&span, None);
            }
        }
    }

    /// A refused trigger has a number, too: no later run may use it again once its span is told.
    fn note_numbers(&mut self) {
        if let Err(error) = self.note.used(self.coordinator.last_id()) {
            tracing::warn!(%error, "the note of the checkpoints cannot be written");
        }
    }

    fn begin(&mut self, checkpoint: u64, kind: Kind) {
        let asked = if kind.is_savepoint() {
            self.savepoints.pop_front()
        } else {
            None
        };
        let named = asked.and_then(|ticket| self.waiting.get(&ticket)?.store.clone());
        let is_home = named.is_none();
        let store = named.or_else(|| self.home.clone());
        let store = store.expect("nothing begins without a place for it");
        let triggered_ns = now_ns();
        let lost = Lost {
            checkpoint,
            run: self.note.run(),
            kind,
            triggered_ns,
            place: (!is_home).then(|| store.place().to_owned()),
        };
        if let Err(error) = self.note.begun(&lost) {
            tracing::warn!(%error, "the note of the checkpoints cannot be written");
        }
        if let Err(error) = self.copies.begin(checkpoint) {
            // The snapshots will say so.
            tracing::warn!(checkpoint, %error, "no room for the snapshots on this host");
        }
        let partitions = self.options.home.partitions;
        let of = UnderWay::new(kind, store, is_home, triggered_ns, partitions);
        self.under_way.insert(checkpoint, of);
        let tell = self.news.clone();
        self.router.cut(|| Cut::Hold {
            checkpoint,
            tell: tell.clone(),
        });
    }

    fn publish(&mut self, checkpoint: u64) {
        let Some(of) = self.under_way.get_mut(&checkpoint) else {
            return;
        };
        let head = Head {
            checkpoint,
            job: self.options.cluster.clone(),
            run: run_name(&self.options, self.note.run()),
            is_savepoint: of.kind.is_savepoint(),
            created_ms: of.triggered_ns / NS_PER_MS,
            statistics: of.statistics(),
        };
        let built = manifest::build(head, &self.options.home, of.parts());
        let (store, events) = (Arc::clone(&of.store), self.events.clone());
        let work = async move {
            let result = match built {
                Ok(manifest) => match store.publish(&manifest).await {
                    Ok(bytes) => Ok((manifest, bytes)),
                    Err(error) => Err(error.to_string()),
                },
                Err(error) => Err(error.to_string()),
            };
            // Nobody listens any more when the server goes down.
            drop(events.send(Event::Published { checkpoint, result }));
        };
        let task = tokio::spawn(work);
        of.does(task.abort_handle());
    }

    fn completed(&mut self, checkpoint: u64) {
        let Some(of) = self.under_way.remove(&checkpoint) else {
            return;
        };
        tracing::info!(
            checkpoint,
            kind = of.kind.name(),
            to = of.store.place(),
            "a checkpoint is complete"
        );
        if !of.is_home {
            self.forget_copy(checkpoint);
        }
    }

    fn abort(&mut self, checkpoint: u64, reason: &AbortReason) {
        tracing::warn!(checkpoint, %reason, "a checkpoint failed");
        let Some(of) = self.under_way.remove(&checkpoint) else {
            return;
        };
        self.router.cut(|| Cut::LetGo { checkpoint });
        self.forget_copy(checkpoint);
        let (store, is_home) = (Arc::clone(&of.store), of.is_home);
        tokio::spawn(async move {
            if let Err(error) = undo(&store, is_home, checkpoint).await {
                tracing::warn!(checkpoint, %error, "what a failed checkpoint left in the store is removed later");
            }
        });
    }

    fn forget(&mut self, checkpoints: Vec<u64>) {
        for &checkpoint in &checkpoints {
            self.known.forget(checkpoint);
        }
        self.keep_log();
        let Some(home) = self.home.clone() else { return };
        tokio::spawn(async move {
            for checkpoint in checkpoints {
                if let Err(error) = home.forget(checkpoint).await {
                    tracing::warn!(checkpoint, %error, "an old checkpoint is removed later");
                }
            }
        });
    }

    fn answer(&mut self, ticket: Ticket, result: Result<u64, AbortReason>) {
        self.savepoints.retain(|&waiting| waiting != ticket);
        let Some(waiting) = self.waiting.remove(&ticket) else {
            return;
        };
        // Told when the coordinator has said all, so that who is answered sees it everywhere.
        self.answers.push((result, waiting.reply));
    }

    /// Answers those whose checkpoints have ended.
    pub(super) fn answer_ended(&mut self) {
        for (result, reply) in std::mem::take(&mut self.answers) {
            let answer = match result {
                Ok(checkpoint) => Ok(self.summary(checkpoint)),
                Err(AbortReason::Stopping) => Err(NoCheckpoint::Stopping),
                Err(reason @ AbortReason::NotAllTasksRunning) => {
                    let waits_for = self.waits_for.as_deref().unwrap_or("the start");
                    Err(NoCheckpoint::NotYet(format!(
                        "{reason}; it waits for this: {waits_for}"
                    )))
                }
                Err(reason) => Err(NoCheckpoint::Failed(reason.to_string())),
            };
            // Who asked may have gone.
            drop(reply.send(answer));
        }
    }

    fn summary(&self, checkpoint: u64) -> CheckpointSummary {
        let mut history = self.coordinator.statistics().history();
        let is_it = |summary: &&CheckpointSummary| summary.id == checkpoint;
        let summary = history.find(is_it);
        summary.expect("what has just completed is remembered").clone()
    }

    /// The newest checkpoint keeps its copy on this host; the one before it is not needed here any more.
    pub(super) fn keep_copy(&self, manifest: &Manifest) {
        let kept = self.copies.publish(manifest);
        let kept = kept.and_then(|()| self.copies.retain(|number| number >= manifest.checkpoint));
        if let Err(error) = kept {
            tracing::warn!(checkpoint = manifest.checkpoint, %error, "copies on this host");
        }
    }

    fn forget_copy(&self, checkpoint: u64) {
        if let Err(error) = self.copies.forget(checkpoint) {
            tracing::warn!(checkpoint, %error, "the copy on this host could not be removed");
        }
    }
}

async fn undo(
    store: &CheckpointStore,
    is_home: bool,
    checkpoint: u64,
) -> Result<(), everspan_state::store::StoreError> {
    if !is_home {
        // What lies there belongs to others as well.
        store.list().await?;
    }
    store.abort(checkpoint).await
}
