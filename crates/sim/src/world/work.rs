//! What is done with the store, each as a future that the world drives a request at a time, or drops when the process
//! dies.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use everspan_state::store::{CheckpointStore, Content, FileName, Handle, Manifest, Part, Source, StoreError};
use everspan_state::{KeyGroup, KeyGroupRange};
use object_store::ObjectStoreExt;

use crate::cuts::path_of;
use crate::objects::{Objects, step};
use crate::rows::Rows;

/// Later than every file: none is spared for its age.
const FAR_FUTURE: Duration = Duration::from_secs(1 << 34);

/// Something under way.
pub(super) struct Work {
    /// The checkpoint it ends with, if it does.
    pub(super) checkpoint: Option<u64>,
    pub(super) future: Pin<Box<dyn Future<Output = Done>>>,
}

/// What was done.
pub(super) enum Done {
    /// The store was read and, if it let us, cleaned.
    Read {
        listing: Result<Vec<Manifest>, StoreError>,
        is_clean: bool,
    },
    /// The files of a partition's part were put.
    Put {
        checkpoint: u64,
        partition: usize,
        result: Result<Part, StoreError>,
    },
    /// The manifest was put; how long it is.
    Published {
        manifest: Manifest,
        result: Result<u64, StoreError>,
    },
    /// A checkpoint was removed, or what was left of one; else the next start does it.
    Removed,
}

impl Work {
    pub(super) fn new(checkpoint: Option<u64>, future: impl Future<Output = Done> + 'static) -> Self {
        Self {
            checkpoint,
            future: Box::pin(future),
        }
    }
}

pub(super) async fn read(store: Arc<CheckpointStore>) -> Done {
    let listing = store.list().await;
    let now = SystemTime::UNIX_EPOCH + FAR_FUTURE;
    let is_clean = listing.is_ok() && store.clean(Duration::ZERO, now).await.is_ok();
    Done::Read {
        listing: listing.map(|listing| {
            assert!(listing.damaged.is_empty(), "no manifest is half: {listing:?}");
            listing.readable
        }),
        is_clean,
    }
}

/// `late` is not waited for: somebody else puts it.
pub(super) async fn put(
    store: Arc<CheckpointStore>,
    checkpoint: u64,
    partition: usize,
    rows: Rows,
    late: Option<String>,
) -> Done {
    let mut handles = Vec::new();
    let mut result = Ok(());
    for (label, bytes) in rows.files {
        let name = FileName::of(&bytes);
        if late.as_ref() == Some(&label) {
            let content = Content::Stored;
            handles.push(Handle { label, name, content });
            continue;
        }
        match store.put(checkpoint, &label, name, &Source::Bytes(bytes)).await {
            Ok(moved) => handles.push(moved.handle),
            Err(error) => {
                result = Err(error);
                break;
            }
        }
    }
    step().await;
    let group = KeyGroup(u16::try_from(partition).expect("few partitions"));
    let part = Part {
        range: KeyGroupRange::new(group, group),
        position: rows.position,
        format: "rows".to_owned(),
        handles,
    };
    Done::Put {
        checkpoint,
        partition,
        result: result.map(|()| part),
    }
}

/// A file for which no manifest waits.
pub(super) async fn put_late(objects: Arc<Objects>, bytes: Bytes) -> Done {
    let path = path_of(FileName::of(&bytes));
    drop(objects.put(&path, bytes.into()).await);
    Done::Removed
}

/// The process can also die when the manifest is there and it does not know yet.
pub(super) async fn publish(store: Arc<CheckpointStore>, manifest: Manifest) -> Done {
    let result = store.publish(&manifest).await;
    step().await;
    Done::Published { manifest, result }
}

pub(super) async fn abort(store: Arc<CheckpointStore>, checkpoint: u64) -> Done {
    // What the store refuses, the next start removes.
    drop(store.abort(checkpoint).await);
    Done::Removed
}

pub(super) async fn forget(store: Arc<CheckpointStore>, checkpoint: u64) -> Done {
    drop(store.forget(checkpoint).await);
    Done::Removed
}

/// By a mutation: all its files go, whoever needs them.
pub(super) async fn forget_all(
    store: Arc<CheckpointStore>,
    objects: Arc<Objects>,
    manifest: Manifest,
) -> Done {
    drop(store.forget(manifest.checkpoint).await);
    for name in manifest.stored() {
        drop(objects.delete(&path_of(name)).await);
    }
    Done::Removed
}
