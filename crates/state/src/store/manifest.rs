//! The manifest: which files make up a checkpoint, and what they hold.
//!
//! ```text
//! "EVSPCKPT" version(u32 LE) length(u64 LE) body xxh3-128(u128 LE, of all before)
//! ```
//!
//! The body is a [`Manifest`] in Borsh. A manifest is read whole or not at all.

use borsh::{BorshDeserialize, BorshSerialize};
use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_128;

use super::FileName;
use crate::key_group::KeyGroupRange;

const MAGIC: &[u8; 8] = b"EVSPCKPT";
const VERSION: u32 = 1;
const HEAD_BYTES: usize = 20;
const CHECKSUM_BYTES: usize = 16;

/// One checkpoint of a job.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Manifest {
    /// Its number, from 1.
    pub checkpoint: u64,
    /// Of which job.
    pub job: String,
    /// Of which run of it.
    pub run: String,
    /// Whether retention leaves it alone.
    pub is_savepoint: bool,
    /// When it was triggered, ms since the Unix epoch.
    pub created_ms: u64,
    /// The state of every task.
    pub tasks: Vec<TaskState>,
    /// What else belongs to it.
    pub attachments: Vec<Attachment>,
}

/// The state of one task.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TaskState {
    /// Identifies the task over restarts.
    pub task: String,
    /// How many key groups its keys are divided into.
    pub key_groups: u16,
    /// What each subtask wrote, in their order.
    pub parts: Vec<Part>,
}

/// The state of one subtask.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Part {
    /// The key groups it had.
    pub range: KeyGroupRange,
    /// The position of the last record that is in the state.
    pub position: u64,
    /// How the files are to be read; the backend that wrote them knows the word.
    pub format: String,
    /// Its files.
    pub handles: Vec<Handle>,
}

/// One file of a subtask's state.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Handle {
    /// What the backend calls it.
    pub label: String,
    /// What is in it.
    pub name: FileName,
    /// Where it is.
    pub content: Content,
}

/// Where the bytes of a file are.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Content {
    /// Among the files of the store, or of the copy on a host's disk, that has the manifest.
    Stored,
    /// Here: it is small.
    Inline(Bytes),
}

/// Something small that belongs to a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Attachment {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Bytes,
}

/// Why bytes are not a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestError {
    /// They do not begin like one.
    Foreign,
    /// A version this program does not know.
    Version(u32),
    /// Cut off, or longer than they say.
    Length {
        /// As the manifest says.
        expected: u64,
        /// As it is.
        found: u64,
    },
    /// They were changed.
    Checksum,
    /// They do not read as a manifest although the checksum is right.
    Body(String),
    /// A whole manifest under another one's name.
    OtherNumber {
        /// As the name says.
        expected: u64,
        /// As the manifest says.
        found: u64,
    },
}

impl Manifest {
    /// Its bytes: the same for the same manifest.
    pub fn encode(&self) -> Vec<u8> {
        let body = borsh::to_vec(self).expect("writing to memory does not fail");
        let mut bytes = Vec::with_capacity(HEAD_BYTES + body.len() + CHECKSUM_BYTES);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&(body.len() as u64).to_le_bytes());
        bytes.extend_from_slice(&body);
        bytes.extend_from_slice(&xxh3_128(&bytes).to_le_bytes());
        bytes
    }

    /// A manifest from its bytes.
    ///
    /// # Errors
    ///
    /// Whatever makes them something else; damage is always noticed.
    pub fn decode(bytes: &[u8]) -> Result<Self, ManifestError> {
        let head = bytes.first_chunk::<HEAD_BYTES>().ok_or(ManifestError::Foreign)?;
        let (magic, rest) = head.split_first_chunk::<8>().expect("20 bytes hold 8");
        let (version, length) = rest.split_first_chunk::<4>().expect("12 bytes hold 4");
        if magic != MAGIC {
            return Err(ManifestError::Foreign);
        }
        let length = u64::from_le_bytes(length.try_into().expect("8 bytes are left"));
        let expected = length.saturating_add((HEAD_BYTES + CHECKSUM_BYTES) as u64);
        if bytes.len() as u64 != expected {
            return Err(ManifestError::Length {
                expected,
                found: bytes.len() as u64,
            });
        }
        let (signed, checksum) = bytes.split_at(bytes.len() - CHECKSUM_BYTES);
        if xxh3_128(signed).to_le_bytes() != checksum {
            return Err(ManifestError::Checksum);
        }
        match u32::from_le_bytes(*version) {
            VERSION => borsh::from_slice(&signed[HEAD_BYTES..])
                .map_err(|error| ManifestError::Body(error.to_string())),
            other => Err(ManifestError::Version(other)),
        }
    }

    /// The manifest of the checkpoint of this number, from its bytes.
    pub(crate) fn decode_as(number: u64, bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest = Self::decode(bytes)?;
        if manifest.checkpoint == number {
            Ok(manifest)
        } else {
            Err(ManifestError::OtherNumber {
                expected: number,
                found: manifest.checkpoint,
            })
        }
    }

    /// The state of the task of this name.
    pub fn task(&self, task: &str) -> Option<&TaskState> {
        self.tasks.iter().find(|state| state.task == task)
    }

    /// Every file of every part.
    pub fn handles(&self) -> impl Iterator<Item = &Handle> {
        let parts = self.tasks.iter().flat_map(|task| &task.parts);
        parts.flat_map(|part| &part.handles)
    }

    /// Names of the files that are in the store.
    pub fn stored(&self) -> impl Iterator<Item = FileName> + '_ {
        self.handles()
            .filter(|handle| handle.content == Content::Stored)
            .map(|handle| handle.name)
    }

    /// Bytes of all state.
    pub fn full_bytes(&self) -> u64 {
        self.handles().map(|handle| handle.name.length).sum()
    }

    /// The attachment of this name.
    pub fn attachment(&self, name: &str) -> Option<&Bytes> {
        let found = self.attachments.iter().find(|attachment| attachment.name == name);
        found.map(|attachment| &attachment.bytes)
    }
}

impl std::fmt::Display for ManifestError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Foreign => write!(f, "it is not the manifest of a checkpoint"),
            Self::Version(version) => write!(f, "its version {version} is not known, {VERSION} is"),
            Self::Length { expected, found } => write!(f, "it has {found} bytes, not {expected}"),
            Self::Checksum => write!(f, "its checksum is wrong"),
            Self::Body(reason) => write!(f, "it cannot be read: {reason}"),
            Self::OtherNumber { expected, found } => {
                write!(f, "it is the manifest of checkpoint {found}, not of {expected}")
            }
        }
    }
}

impl std::error::Error for ManifestError {}

#[cfg(test)]
mod tests;
