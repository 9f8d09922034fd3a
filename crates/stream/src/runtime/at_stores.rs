//! What a run has under way at the stores of its job.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, UNIX_EPOCH};

use everspan_state::LocalCopies;
use everspan_state::store::Manifest;
use tokio::sync::oneshot;

use super::crew::Crew;
use super::run::Place;
use super::stores::Stores;

/// What another job puts into the same store is left alone for so long: it may be at work.
const FOREIGN_GRACE: Duration = Duration::from_secs(24 * 3600);

/// See the module. Nothing of it is waited for before the run ends. The next run looks into the stores when all of it is
/// done: a checkpoint that is given up must not vanish after it was restored.
pub(crate) struct AtStores {
    stores: Option<Stores>,
    copies: Option<LocalCopies>,
    under_way: Vec<oneshot::Receiver<()>>,
    /// Manifests on their way: a checkpoint that is given up is removed when its manifest is there, not before, or it
    /// would come to exist without its files.
    publishing: BTreeMap<u64, oneshot::Receiver<()>>,
}

impl AtStores {
    pub(crate) fn new(stores: Option<Stores>, copies: Option<LocalCopies>) -> Self {
        Self {
            stores,
            copies,
            under_way: Vec::new(),
            publishing: BTreeMap::new(),
        }
    }

    /// Puts a manifest where it belongs; `told` is given how that went.
    pub(crate) fn publish(
        &mut self,
        crew: &Crew,
        manifest: Manifest,
        told: impl FnOnce(Result<u64, String>) + Send + 'static,
    ) {
        let copies = self.copies.clone();
        let (put, is_put) = oneshot::channel();
        self.publishing.retain(|_, is_put| is_put.try_recv().is_err());
        self.publishing.insert(manifest.checkpoint, is_put);
        self.spawn(crew, move |stores| async move {
            let published = stores.of(manifest.is_savepoint).publish(&manifest).await;
            if let (Ok(_), Some(copies)) = (&published, copies) {
                // A copy that is not whole is not used.
                drop(copies.publish(&manifest));
            }
            // Nobody waits unless the checkpoint was given up.
            put.send(()).unwrap_or_default();
            told(published.map_err(|error| error.to_string()));
        });
    }

    /// Removes what was put for a checkpoint.
    pub(crate) fn remove(&mut self, crew: &Crew, checkpoint: u64) {
        let is_put = self.publishing.remove(&checkpoint);
        self.spawn(crew, move |stores| async move {
            if let Some(is_put) = is_put {
                is_put.await.expect("a manifest is put, or is not");
            }
            for store in stores.all() {
                // What stays is removed by a later cleaning.
                drop(store.abort(checkpoint).await);
            }
        });
    }

    /// Removes checkpoints that are not retained.
    pub(crate) fn forget(&mut self, crew: &Crew, checkpoints: Vec<u64>) {
        self.spawn(crew, move |stores| async move {
            for checkpoint in checkpoints {
                drop(stores.of(false).forget(checkpoint).await);
            }
        });
    }

    /// Removes what was put before the job began and what no checkpoint names, unless a run of it has done so: a process that
    /// was killed left it.
    pub(crate) fn clean_once(&mut self, place: &Place) {
        if place.is_clean.swap(true, Ordering::Relaxed) {
            return;
        }
        let began = UNIX_EPOCH + Duration::from_nanos(place.began.wall_ns);
        let job = place.job.id.clone();
        self.spawn(&place.crew, move |stores| async move {
            for store in stores.all() {
                let Ok(listing) = store.list().await else {
                    // The next job does it.
                    continue;
                };
                let is_ours_alone = listing.readable.iter().all(|manifest| manifest.job == job);
                let grace = if is_ours_alone {
                    Duration::ZERO
                } else {
                    FOREIGN_GRACE
                };
                drop(store.clean(grace, began).await);
            }
        });
    }

    /// Waits until everything is done.
    pub(crate) async fn join(&mut self) {
        for done in self.under_way.drain(..) {
            done.await.expect("work at the store does not panic");
        }
    }

    fn spawn<F>(&mut self, crew: &Crew, work: impl FnOnce(Stores) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(stores) = &self.stores {
            self.under_way.retain_mut(|done| done.try_recv().is_err());
            let (done, is_done) = oneshot::channel();
            self.under_way.push(is_done);
            let work = work(stores.clone());
            crew.spawn(async move {
                work.await;
                // Nobody waits for it when the job has ended otherwise.
                done.send(()).unwrap_or_default();
            });
        }
    }
}
