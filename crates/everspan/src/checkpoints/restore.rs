//! An empty data directory filled from a checkpoint.
//!
//! The directory belongs to a server only once `everspan.json` stands in it, which comes last. What an interrupted
//! restore leaves is named by the file `RESTORING`, and the next restore begins anew.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use everspan_state::store::{CheckpointStore, Manifest, StoreOptions};
use everspan_state::{Durability, LsmBackend, LsmOptions, LsmShared, Owner, Recovery};
use rand::Rng;

use super::manifest::{self, Ancestor, Origin};
use super::note::{Completed, RunNote};
use super::progress::Said;
use super::start::{owned, remove};
use crate::data_dir::{self, DataDir};
use crate::registry::replace_file;
use crate::worker::partition_name;

const UNFINISHED: &str = "RESTORING";

/// What is asked for.
pub struct Asked {
    /// Where the checkpoints are.
    pub from: String,
    /// Which one; the newest that is whole if none is named.
    pub checkpoint: Option<u64>,
    /// The directory to fill.
    pub base_dir: PathBuf,
    /// Settings of the store.
    pub settings: Vec<(String, String)>,
    /// How long it may be silent.
    pub silence_timeout: Duration,
}

/// What was done.
pub struct Done {
    checkpoint: u64,
    place: String,
    base_dir: PathBuf,
    partitions: u16,
    bytes: u64,
    seconds: f64,
}

/// Why nothing was restored.
#[derive(Debug)]
pub enum RestoreError {
    /// The user's mistake.
    Mistake(String),
    /// Something else is in the way.
    Failed(String),
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let megabytes = self.bytes as f64 / 1e6;
        writeln!(
            f,
            "checkpoint {} of {} restored into {}: {} partitions, {megabytes:.1} MB in {:.1} s",
            self.checkpoint,
            self.place,
            self.base_dir.display(),
            self.partitions,
            self.seconds
        )
    }
}

fn failed(error: impl fmt::Display) -> RestoreError {
    RestoreError::Failed(error.to_string())
}

/// Fills the directory. Nothing is changed in the store.
///
/// # Errors
/// What is in the way; the directory holds no data of a server then.
pub async fn restore(asked: &Asked) -> Result<Done, RestoreError> {
    let begun = Instant::now();
    let options = StoreOptions {
        settings: asked.settings.clone(),
        silence_max: Some(asked.silence_timeout),
        ..StoreOptions::default()
    };
    let store = CheckpointStore::open(&asked.from, options)
        .map_err(|error| RestoreError::Mistake(error.to_string()))?;
    let candidates = candidates(&store, asked).await?;
    prepare(&asked.base_dir)?;
    let mut reasons = Vec::new();
    for manifest in &candidates {
        match fill(&store, manifest, &asked.base_dir).await {
            Ok(partitions) => {
                return Ok(Done {
                    checkpoint: manifest.checkpoint,
                    place: store.place().to_owned(),
                    base_dir: asked.base_dir.clone(),
                    partitions,
                    bytes: manifest.full_bytes(),
                    seconds: begun.elapsed().as_secs_f64(),
                });
            }
            Err(why) => {
                eprintln!(
                    "everspan: checkpoint {} cannot be used: {why}",
                    manifest.checkpoint
                );
                reasons.push(format!("checkpoint {}: {why}", manifest.checkpoint));
            }
        }
    }
    Err(failed(format!(
        "no checkpoint in {} could be restored: {}",
        store.place(),
        reasons.join("; ")
    )))
}

/// The checkpoint asked for, or all, newest first.
async fn candidates(store: &CheckpointStore, asked: &Asked) -> Result<Vec<Manifest>, RestoreError> {
    let listing = store.list().await.map_err(failed)?;
    let mut found = listing.readable;
    found.reverse();
    for (checkpoint, error) in &listing.damaged {
        eprintln!("everspan: the manifest of checkpoint {checkpoint} is damaged: {error}");
    }
    if found.is_empty() {
        let place = store.place();
        return Err(RestoreError::Mistake(format!(
            "there are no checkpoints in {place}"
        )));
    }
    let Some(number) = asked.checkpoint else {
        return Ok(found);
    };
    let numbers: Vec<String> = found
        .iter()
        .map(|manifest| manifest.checkpoint.to_string())
        .collect();
    found.retain(|manifest| manifest.checkpoint == number);
    if found.is_empty() {
        return Err(RestoreError::Mistake(format!(
            "there is no checkpoint {number} in {}: it has {}",
            store.place(),
            numbers.join(", ")
        )));
    }
    Ok(found)
}

/// An empty directory, or one that an interrupted restore left.
fn prepare(dir: &Path) -> Result<(), RestoreError> {
    let at = |error: io::Error| failed(format!("{}: {error}", dir.display()));
    data_dir::create_dir_durably(dir).map_err(at)?;
    if !dir.join(UNFINISHED).exists() {
        for item in fs::read_dir(dir).map_err(at)? {
            if item.map_err(at)?.file_name() != "lost+found" {
                return Err(RestoreError::Mistake(format!(
                    "{} is not empty: choose another base-dir, or move what is there away",
                    dir.display()
                )));
            }
        }
    }
    replace_file(&dir.join(UNFINISHED), b"an unfinished `everspan restore`\n").map_err(at)
}

/// Makes the directory's content; returns the number of partitions.
async fn fill(store: &CheckpointStore, manifest: &Manifest, dir: &Path) -> Result<u16, String> {
    let origin = manifest::origin(manifest)?;
    let text = |error: io::Error| error.to_string();
    for name in ["state", "log", "checkpoints"] {
        match fs::remove_dir_all(dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.to_string()),
            _ => fs::create_dir_all(dir.join(name)).map_err(text)?,
        }
    }
    let id = format!("{:032x}", rand::rng().random::<u128>());
    let shared = LsmShared::start(0, 64).map_err(text)?;
    let said = Said::start(Arc::default());
    let recovery = Recovery {
        copies: None,
        store: Some(store),
        progress: Some(&said.progress),
        durability: Durability::Lasting,
    };
    let mut restored_at = Vec::new();
    for number in 0..origin.partitions {
        let wanted = owned(number, &dir.join("checkpoints"));
        let fetched = recovery.fetch(manifest, &wanted).await;
        let fetched = fetched.map_err(|error| error.to_string())?;
        let owner = Owner {
            partition: u32::from(number),
            partitions: u32::from(origin.partitions),
            cluster: id.clone(),
        };
        let state = dir.join("state").join(partition_name(number));
        let options = LsmOptions::new(shared.clone(), owner);
        LsmBackend::restore(&fetched.parts, wanted.range, &state, options)
            .map_err(|error| error.to_string())?;
        remove(&wanted.to);
        restored_at.push(manifest::position_of(manifest, number)?);
    }
    if let Some(deployments) = manifest.attachment(manifest::DEPLOYMENTS) {
        replace_file(&dir.join(manifest::DEPLOYMENTS), deployments).map_err(text)?;
    }
    let completed = Completed {
        checkpoint: manifest.checkpoint,
        job: manifest.job.clone(),
        run: manifest.run.clone(),
        full_bytes: manifest.full_bytes(),
    };
    RunNote::restored(&dir.join("checkpoints"), completed).map_err(text)?;
    let ancestors = ancestors(&origin, manifest.checkpoint);
    DataDir::restored(dir, &id, origin.partitions, ancestors, restored_at)
        .map_err(|error| error.to_string())?;
    fs::remove_file(dir.join(UNFINISHED)).map_err(text)?;
    Ok(origin.partitions)
}

fn ancestors(origin: &Origin, checkpoint: u64) -> Vec<Ancestor> {
    let mut ancestors = origin.ancestors.clone();
    ancestors.push(Ancestor {
        id: origin.id.clone(),
        checkpoint,
    });
    ancestors
}
