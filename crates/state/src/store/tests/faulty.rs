//! A store that fails a share of its requests, half of them after having done what was asked.

use std::fmt;
use std::ops::Range;
use std::sync::Mutex;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

#[derive(Debug)]
pub(super) struct Faulty {
    inner: InMemory,
    /// The state of a generator of random numbers, and how many requests of a hundred fail.
    chance: Mutex<(u64, u64)>,
}

/// What becomes of a request.
#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Done,
    /// Nothing was done.
    Refused,
    /// It was done, but the answer got lost.
    AnswerLost,
}

impl Faulty {
    pub(super) fn new(inner: InMemory, seed: u64, percent: u64) -> Self {
        Self {
            inner,
            chance: Mutex::new((seed | 1, percent)),
        }
    }

    pub(super) fn set_percent(&self, percent: u64) {
        self.chance.lock().unwrap().1 = percent;
    }

    fn fate(&self) -> Fate {
        let mut chance = self.chance.lock().unwrap();
        // xorshift64
        chance.0 ^= chance.0 << 13;
        chance.0 ^= chance.0 >> 7;
        chance.0 ^= chance.0 << 17;
        let draw = chance.0 >> 20;
        match (draw % 100 < chance.1, draw / 100 % 2) {
            (false, _) => Fate::Done,
            (true, 0) => Fate::Refused,
            (true, _) => Fate::AnswerLost,
        }
    }
}

fn failure() -> object_store::Error {
    object_store::Error::Generic {
        store: "faulty",
        source: "out of order".into(),
    }
}

/// Does what was asked, unless fate refuses; tells of it, unless the answer is lost.
macro_rules! by_fate {
    ($self:ident, $ask:expr) => {{
        let fate = $self.fate();
        if fate == Fate::Refused {
            return Err(failure());
        }
        let answer = $ask.await;
        if fate == Fate::AnswerLost {
            Err(failure())
        } else {
            answer
        }
    }};
}

impl fmt::Display for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("faulty")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Faulty {
    async fn put_opts(&self, at: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        by_fate!(self, self.inner.put_opts(at, payload, options))
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(at, options).await
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        by_fate!(self, self.inner.get_opts(at, options))
    }

    async fn get_ranges(&self, at: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(at, ranges).await
    }

    fn delete_stream(&self, paths: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.fate() {
            Fate::Refused => Box::pin(futures_util::stream::once(async { Err(failure()) })),
            _ => self.inner.delete_stream(paths),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.fate() {
            Fate::Done => self.inner.list(prefix),
            _ => Box::pin(futures_util::stream::once(async { Err(failure()) })),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
