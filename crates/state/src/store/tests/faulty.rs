//! A store that fails a share of its requests, half of them after having done what was asked; that is full, slow, or
//! damages what it is asked for.

use std::fmt;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use tokio::sync::Semaphore;

#[derive(Debug)]
pub(super) struct Faulty {
    inner: InMemory,
    /// The state of a generator of random numbers, and how many requests of a hundred fail.
    chance: Mutex<(u64, u64)>,
    /// Bytes that may still be put; further ones are refused.
    room: AtomicU64,
    /// How many of the next answers with content have a wrong byte.
    damages: AtomicU64,
    /// Each put waits for a permit.
    puts: Semaphore,
    /// How many of the next answers with content end in the middle, without an end.
    silences: AtomicU64,
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
            room: AtomicU64::new(u64::MAX),
            damages: AtomicU64::new(0),
            puts: Semaphore::new(Semaphore::MAX_PERMITS),
            silences: AtomicU64::new(0),
        }
    }

    pub(super) fn set_room(&self, bytes: u64) {
        self.room.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn damage_next(&self, answers: u64) {
        self.damages.store(answers, Ordering::Relaxed);
    }

    pub(super) fn silence_next(&self, answers: u64) {
        self.silences.store(answers, Ordering::Relaxed);
    }

    /// No put goes on until [`let_puts`](Self::let_puts).
    pub(super) fn hold_puts(&self) {
        self.puts.forget_permits(Semaphore::MAX_PERMITS);
    }

    pub(super) fn let_puts(&self) {
        self.puts.add_permits(1000);
    }

    fn take_room(&self, bytes: u64) -> Result<()> {
        let take = |room: u64| {
            if room == u64::MAX {
                Some(room)
            } else {
                room.checked_sub(bytes)
            }
        };
        match self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(_) => Err(object_store::Error::Generic {
                store: "faulty",
                source: "no space left".into(),
            }),
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

fn takes_one(count: &AtomicU64) -> bool {
    let left = |count: u64| count.checked_sub(1);
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
        .is_ok()
}

fn failure() -> object_store::Error {
    object_store::Error::Generic {
        store: "faulty",
        source: "out of order".into(),
    }
}

/// The same answer with one wrong byte.
async fn damaged(got: GetResult) -> Result<GetResult> {
    with_bytes(got, |mut bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        futures_util::stream::once(async { Ok(Bytes::from(bytes)) }).boxed()
    })
    .await
}

/// Half of the same answer, and then nothing.
async fn silent(got: GetResult) -> Result<GetResult> {
    with_bytes(got, |mut bytes| {
        bytes.truncate(bytes.len() / 2);
        let half = futures_util::stream::once(async { Ok(Bytes::from(bytes)) });
        half.chain(futures_util::stream::pending()).boxed()
    })
    .await
}

async fn with_bytes(
    got: GetResult,
    change: impl FnOnce(Vec<u8>) -> BoxStream<'static, Result<Bytes>>,
) -> Result<GetResult> {
    let (meta, range) = (got.meta.clone(), got.range.clone());
    let (attributes, extensions) = (got.attributes.clone(), got.extensions.clone());
    let bytes = got.bytes().await?.to_vec();
    Ok(GetResult {
        payload: GetResultPayload::Stream(change(bytes)),
        meta,
        range,
        attributes,
        extensions,
    })
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
        let _permit = self.puts.acquire().await.expect("it is never closed");
        self.take_room(payload.content_length() as u64)?;
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
        let got = by_fate!(self, self.inner.get_opts(at, options))?;
        if takes_one(&self.silences) {
            silent(got).await
        } else if takes_one(&self.damages) {
            damaged(got).await
        } else {
            Ok(got)
        }
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
