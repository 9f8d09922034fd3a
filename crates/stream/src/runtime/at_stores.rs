//! What a run has under way at the stores of its job.

use everspan_state::LocalCopies;
use everspan_state::store::Manifest;
use tokio::task::JoinHandle;

use super::stores::Stores;

/// See the module. Nothing of it is waited for before the run ends. The next run looks into the stores when all of it is
/// done: a checkpoint that is given up must not vanish after it was restored.
pub(crate) struct AtStores {
    stores: Option<Stores>,
    copies: Option<LocalCopies>,
    runtime: tokio::runtime::Handle,
    under_way: Vec<JoinHandle<()>>,
}

impl AtStores {
    pub(crate) fn new(
        stores: Option<Stores>,
        copies: Option<LocalCopies>,
        runtime: tokio::runtime::Handle,
    ) -> Self {
        Self {
            stores,
            copies,
            runtime,
            under_way: Vec::new(),
        }
    }

    /// Puts a manifest where it belongs; `told` is given how that went.
    pub(crate) fn publish(
        &mut self,
        manifest: Manifest,
        told: impl FnOnce(Result<u64, String>) + Send + 'static,
    ) {
        let copies = self.copies.clone();
        self.spawn(move |stores| async move {
            let published = stores.of(manifest.is_savepoint).publish(&manifest).await;
            if let (Ok(_), Some(copies)) = (&published, copies) {
                // A copy that is not whole is not used.
                drop(copies.publish(&manifest));
            }
            told(published.map_err(|error| error.to_string()));
        });
    }

    /// Removes what was put for a checkpoint.
    pub(crate) fn remove(&mut self, checkpoint: u64) {
        self.spawn(move |stores| async move {
            for store in stores.all() {
                // What stays is removed by a later cleaning.
                drop(store.abort(checkpoint).await);
            }
        });
    }

    /// Removes checkpoints that are not retained.
    pub(crate) fn forget(&mut self, checkpoints: Vec<u64>) {
        self.spawn(move |stores| async move {
            for checkpoint in checkpoints {
                drop(stores.of(false).forget(checkpoint).await);
            }
        });
    }

    /// Waits until everything is done.
    pub(crate) fn join(&mut self) {
        for task in self.under_way.drain(..) {
            self.runtime
                .block_on(task)
                .expect("work at the store does not panic");
        }
    }

    fn spawn<F>(&mut self, work: impl FnOnce(Stores) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(stores) = &self.stores {
            self.under_way.retain(|task| !task.is_finished());
            self.under_way.push(self.runtime.spawn(work(stores.clone())));
        }
    }
}
