//! The object store of the checkpoints: outside the server, so it survives every crash. It does one request in a step,
//! and fails when the world says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

/// What becomes of the next request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    #[default]
    Done,
    /// Nothing was done.
    Refused,
    /// It was done, but the answer got lost.
    AnswerLost,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    inner: InMemory,
    fate: Mutex<Fate>,
    removals: Arc<AtomicU64>,
    /// Files that went bad here, until they are put again.
    damaged: Mutex<BTreeSet<Path>>,
}

/// What becomes of a file that goes bad.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Damage {
    Flipped,
    CutOff,
    Gone,
}

/// Lets the world go on once.
pub(crate) async fn step() {
    let mut has_waited = false;
    std::future::poll_fn(move |context| {
        if has_waited {
            return Poll::Ready(());
        }
        has_waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Objects {
    /// Decides about the next request.
    pub(crate) fn doom(&self, fate: Fate) {
        *self.fate.lock().unwrap_or_else(PoisonError::into_inner) = fate;
    }

    /// A file goes bad.
    pub(crate) fn damage(&self, path: &Path, damage: Damage) {
        let got = at_once(async { self.inner.get(path).await?.bytes().await });
        let mut bytes = got.expect("only what is there goes bad").to_vec();
        let middle = bytes.len() / 2;
        match damage {
            Damage::Flipped => bytes[middle] ^= 1,
            Damage::CutOff => bytes.truncate(middle),
            Damage::Gone => {}
        }
        let done = match damage {
            Damage::Gone => at_once(self.inner.delete(path)),
            _ => at_once(self.inner.put(path, bytes.into())).map(drop),
        };
        done.expect("memory can be written");
        self.damaged().insert(path.clone());
    }

    /// Whether a file went bad.
    pub(crate) fn is_damaged(&self, path: &Path) -> bool {
        self.damaged().contains(path)
    }

    fn damaged(&self) -> MutexGuard<'_, BTreeSet<Path>> {
        self.damaged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often something was removed, or was to be.
    pub(crate) fn removals(&self) -> u64 {
        self.removals.load(Ordering::Relaxed)
    }

    /// The names of all there is.
    pub(crate) fn names(&self) -> Vec<Path> {
        let listed = at_once(self.inner.list(None).try_collect::<Vec<_>>());
        let listed = listed.expect("memory can be listed");
        listed.into_iter().map(|meta| meta.location).collect()
    }

    /// All there is, outside of time.
    pub(crate) fn contents(&self) -> BTreeMap<Path, Bytes> {
        let with_bytes = |name: Path| {
            let got = at_once(async { self.inner.get(&name).await?.bytes().await });
            (name, got.expect("memory can be read"))
        };
        self.names().into_iter().map(with_bytes).collect()
    }

    fn fate(&self) -> Fate {
        std::mem::take(&mut *self.fate.lock().unwrap_or_else(PoisonError::into_inner))
    }

    async fn ask<T>(&self, request: impl Future<Output = Result<T>> + Send) -> Result<T> {
        step().await;
        let fate = self.fate();
        if fate == Fate::Refused {
            return Err(failure());
        }
        let answer = request.await;
        if fate == Fate::AnswerLost {
            return Err(failure());
        }
        answer
    }
}

fn failure() -> Error {
    Error::Generic {
        store: "simulated",
        source: "out of order".into(),
    }
}

fn at_once<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("memory answers at once"),
    }
}

impl fmt::Display for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("simulated")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Objects {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        let put = async {
            let put = self.inner.put_opts(at, payload, options).await;
            if put.is_ok() {
                self.damaged().remove(at);
            }
            put
        };
        self.ask(put).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.ask(self.inner.put_multipart_opts(at, options)).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.ask(self.inner.get_opts(at, options)).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let deleted = match self.fate() {
            Fate::Refused => Err(failure()),
            Fate::Done => Ok(self.inner.delete_stream(paths)),
            Fate::AnswerLost => {
                let deleted = self.inner.delete_stream(paths);
                Ok(deleted.map(|_| Err(failure())).boxed())
            }
        };
        let removals = Arc::clone(&self.removals);
        let count = move |_: &Result<Path>| {
            removals.fetch_add(1, Ordering::Relaxed);
        };
        after_a_step(deleted).inspect(count).boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.fate() {
            Fate::Done => after_a_step(Ok(self.inner.list(prefix))),
            Fate::Refused | Fate::AnswerLost => after_a_step(Err(failure())),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.ask(self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.ask(self.inner.copy_opts(from, to, options)).await
    }
}

fn after_a_step<T: Send + 'static>(
    answer: Result<BoxStream<'static, Result<T>>>,
) -> BoxStream<'static, Result<T>> {
    let answer = async move {
        step().await;
        answer
    };
    stream::once(answer).try_flatten().boxed()
}
