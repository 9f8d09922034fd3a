//! What the manifest of a checkpoint of the server holds.

use std::path::PathBuf;

use bytes::Bytes;
use everspan_state::store::{Attachment, Manifest, Part, TaskState};
use serde::{Deserialize, Serialize};

use super::options::TASK;
use super::statistics::STATISTICS;

/// The attachment that says whose state it is.
pub(crate) const HOME: &str = "everspan.json";
/// The attachment with what is registered.
pub(crate) const DEPLOYMENTS: &str = "deployments.json";

/// The data directory whose partitions are checkpointed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// Its id.
    pub id: String,
    /// How many partitions it has.
    pub partitions: u16,
    /// The directories it was restored from, one after the other.
    pub ancestors: Vec<Ancestor>,
    /// The file of deployments.
    pub deployments: PathBuf,
}

/// A data directory that another one was restored from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ancestor {
    /// Its id.
    pub id: String,
    /// The checkpoint that was restored: later ones of that directory are none of ours.
    pub checkpoint: u64,
}

/// What the attachment [`HOME`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) format: u32,
    pub(crate) id: String,
    pub(crate) partitions: u16,
    #[serde(default)]
    pub(crate) ancestors: Vec<Ancestor>,
}

impl Home {
    /// Whether a checkpoint is one of this directory: made by it, or by one it was restored from, before that.
    pub(crate) fn owns(&self, manifest: &Manifest) -> bool {
        let Ok(origin) = origin(manifest) else {
            return false;
        };
        let is_of =
            |ancestor: &Ancestor| ancestor.id == origin.id && manifest.checkpoint <= ancestor.checkpoint;
        origin.partitions == self.partitions && (origin.id == self.id || self.ancestors.iter().any(is_of))
    }
}

/// Whose state a checkpoint is.
pub(crate) fn origin(manifest: &Manifest) -> Result<Origin, String> {
    let bytes = manifest
        .attachment(HOME)
        .ok_or("it is not the checkpoint of a server: it has no everspan.json")?;
    serde_json::from_slice(bytes).map_err(|error| format!("its everspan.json: {error}"))
}

/// What a manifest is made of, beside the parts.
pub(super) struct Head {
    pub(super) checkpoint: u64,
    pub(super) job: String,
    pub(super) run: String,
    pub(super) is_savepoint: bool,
    pub(super) created_ms: u64,
    pub(super) statistics: Vec<u8>,
}

/// The manifest of a checkpoint whose parts are all stored, partition by partition.
pub(super) fn build(head: Head, home: &Home, parts: Vec<Part>) -> std::io::Result<Manifest> {
    let origin = Origin {
        format: 1,
        id: home.id.clone(),
        partitions: home.partitions,
        ancestors: home.ancestors.clone(),
    };
    let origin = serde_json::to_vec(&origin).expect("strings and numbers are JSON");
    let mut attachments = vec![
        Attachment {
            name: HOME.to_owned(),
            bytes: origin.into(),
        },
        Attachment {
            name: STATISTICS.to_owned(),
            bytes: head.statistics.into(),
        },
    ];
    match std::fs::read(&home.deployments) {
        Ok(bytes) => attachments.push(Attachment {
            name: DEPLOYMENTS.to_owned(),
            bytes: Bytes::from(bytes),
        }),
        // Nothing was registered yet.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(Manifest {
        checkpoint: head.checkpoint,
        job: head.job,
        run: head.run,
        is_savepoint: head.is_savepoint,
        created_ms: head.created_ms,
        tasks: vec![TaskState {
            task: TASK.to_owned(),
            key_groups: home.partitions,
            parts,
        }],
        attachments,
    })
}

/// The parts of all partitions, in their order; `None` if it is not the manifest of a server.
pub(crate) fn parts(manifest: &Manifest) -> Option<&[Part]> {
    match manifest.tasks.as_slice() {
        [task] if task.task == TASK => Some(&task.parts),
        _ => None,
    }
}

/// The position of a partition.
pub(crate) fn position_of(manifest: &Manifest, partition: u16) -> Result<u64, String> {
    let parts = parts(manifest).ok_or("it is not the checkpoint of a server")?;
    let part = parts.get(usize::from(partition));
    let part = part.ok_or_else(|| format!("it has no partition {partition}"))?;
    Ok(part.position)
}
