//! A partition's snapshot onto this host's disk and into the store.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everspan_state::store::{CheckpointStore, Part, Uploaded};
use everspan_state::{KeyGroup, KeyGroupRange, LsmSnapshot, SnapshotWriter};

/// A partition's part of a checkpoint, stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) part: Part,
    pub(super) uploaded: Uploaded,
    /// How long the writing took, the flush included.
    pub(super) write: Duration,
}

/// The one key group of a partition.
pub(crate) fn range_of(partition: u16) -> KeyGroupRange {
    KeyGroupRange::new(KeyGroup(partition), KeyGroup(partition))
}

/// Writes a snapshot into `dir`, and puts every file of it that the store does not have.
pub(super) async fn write_and_upload(
    store: Arc<CheckpointStore>,
    checkpoint: u64,
    partition: u16,
    snapshot: LsmSnapshot,
    dir: PathBuf,
) -> Result<Stored, String> {
    let begun = Instant::now();
    let written = tokio::task::spawn_blocking(move || snapshot.write(&dir)).await;
    let files = written
        .map_err(|error| error.to_string())?
        .map_err(|error| error.to_string())?;
    let write = begun.elapsed();
    let uploaded = store.upload(checkpoint, &files).await;
    let mut uploaded = uploaded.map_err(|error| error.to_string())?;
    let part = Part {
        range: range_of(partition),
        position: files.position,
        format: files.format.to_owned(),
        handles: std::mem::take(&mut uploaded.handles),
    };
    Ok(Stored {
        part,
        uploaded,
        write,
    })
}
