//! The data directory: what it is, whose it is, which version wrote it.
//!
//! ```text
//! everspan-data/
//!   everspan.json       format, id, number of partitions
//!   deployments.json    what is registered
//!   log/                the segmented log of all partitions
//!   state/partition-…/  keyed state, one LSM tree each
//!   spool/REPORTER/     spans that wait, one directory per reporter
//!   checkpoints/        the note of the run, snapshots and local copies
//! ```

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::checkpoints::Ancestor;
use crate::registry::replace_file;

/// The version of the layout.
const FORMAT: u32 = 1;
const MARKER: &str = "everspan.json";

/// An opened data directory.
#[derive(Clone, Debug)]
pub struct DataDir {
    path: PathBuf,
    marker: Marker,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Marker {
    format: u32,
    id: String,
    partitions: u16,
    /// Whether every partition has been created.
    complete: bool,
    created_by: String,
    /// The directories it was restored from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ancestors: Vec<Ancestor>,
    /// The records up to which its partitions were restored.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    restored_at: Vec<u64>,
}

/// Why a directory cannot be used.
#[derive(Debug)]
pub enum DataDirError {
    /// Reading or writing failed.
    Io(PathBuf, io::Error),
    /// Something else lies in it.
    Foreign(PathBuf),
    /// The marker does not parse.
    Damaged(PathBuf, String),
    /// Another version wrote it.
    Format(PathBuf, u32),
}

impl fmt::Display for DataDirError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "data directory {}: {error}", path.display()),
            Self::Foreign(path) => write!(
                f,
                "{} is not empty and holds no {MARKER}: it is not a data directory of Everspan; choose another base-dir",
                path.display()
            ),
            Self::Damaged(path, why) => write!(f, "{}: {why}", path.join(MARKER).display()),
            Self::Format(path, format) => write!(
                f,
                "the data directory {} has format {format}, this version of Everspan reads format {FORMAT}",
                path.display()
            ),
        }
    }
}

impl std::error::Error for DataDirError {}

impl DataDir {
    /// Opens the directory, or makes it with this many partitions and the id `fresh_id`.
    pub fn open(path: &Path, partitions: u16, fresh_id: &str) -> Result<Self, DataDirError> {
        let io = |error| DataDirError::Io(path.to_owned(), error);
        create_dir_durably(path).map_err(io)?;
        let marker = match fs::read_to_string(path.join(MARKER)) {
            Ok(text) => read(path, &text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => create(path, partitions, fresh_id)?,
            Err(error) => return Err(io(error)),
        };
        Ok(Self {
            path: path.to_owned(),
            marker,
        })
    }

    /// Makes a directory one of a server whose partitions were restored: they are all there, up to these records.
    pub(crate) fn restored(
        path: &Path,
        id: &str,
        partitions: u16,
        ancestors: Vec<Ancestor>,
        restored_at: Vec<u64>,
    ) -> Result<(), DataDirError> {
        let marker = Marker {
            format: FORMAT,
            id: id.to_owned(),
            partitions,
            complete: true,
            created_by: env!("CARGO_PKG_VERSION").to_owned(),
            ancestors,
            restored_at,
        };
        write(path, &marker)
    }

    /// Notes that every partition has been created: from now on a missing one is an error.
    pub fn complete(&mut self) -> Result<(), DataDirError> {
        if !self.marker.complete {
            self.marker.complete = true;
            write(&self.path, &self.marker)?;
        }
        Ok(())
    }

    /// Whether every partition was created before.
    pub fn is_complete(&self) -> bool {
        self.marker.complete
    }

    /// Drawn when the directory was made; every partition's state carries it.
    pub fn id(&self) -> &str {
        &self.marker.id
    }

    /// Fixed when the directory was made.
    pub fn partitions(&self) -> u16 {
        self.marker.partitions
    }

    /// The log's directory.
    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// The directory of the partitions' states.
    pub fn state(&self) -> PathBuf {
        self.path.join("state")
    }

    /// The directory of what waits for reporters.
    pub fn spool(&self) -> PathBuf {
        self.path.join("spool")
    }

    /// The directories it was restored from, one after the other.
    pub fn ancestors(&self) -> &[Ancestor] {
        &self.marker.ancestors
    }

    /// The record up to which each partition was restored; empty if none was.
    pub fn restored_at(&self) -> &[u64] {
        &self.marker.restored_at
    }

    /// The directory of snapshots and local copies.
    pub fn checkpoints(&self) -> PathBuf {
        self.path.join("checkpoints")
    }

    /// The file of deployments.
    pub fn deployments(&self) -> PathBuf {
        self.path.join("deployments.json")
    }

    /// Free bytes on its disk.
    pub fn free_bytes(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.path)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

/// Creates the directory and its missing parents; every new name is synced.
pub(crate) fn create_dir_durably(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    create_dir_durably(parent)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => fs::File::open(parent)?.sync_all(),
    }
}

fn read(path: &Path, text: &str) -> Result<Marker, DataDirError> {
    let damaged = |error: serde_json::Error| DataDirError::Damaged(path.to_owned(), error.to_string());
    let value: serde_json::Value = serde_json::from_str(text).map_err(damaged)?;
    if let Some(format) = value["format"]
        .as_u64()
        .filter(|&format| format != u64::from(FORMAT))
    {
        return Err(DataDirError::Format(
            path.to_owned(),
            u32::try_from(format).unwrap_or(u32::MAX),
        ));
    }
    let marker: Marker = serde_json::from_value(value).map_err(damaged)?;
    if marker.partitions == 0 {
        return Err(DataDirError::Damaged(
            path.to_owned(),
            "it says 0 partitions".to_owned(),
        ));
    }
    Ok(marker)
}

fn create(path: &Path, partitions: u16, fresh_id: &str) -> Result<Marker, DataDirError> {
    let io = |error| DataDirError::Io(path.to_owned(), error);
    for item in fs::read_dir(path).map_err(io)? {
        // The marker on its way, left by a crash, and what file systems put into an empty directory.
        let name = item.map_err(io)?.file_name();
        if name != "everspan.new" && name != "lost+found" {
            return Err(DataDirError::Foreign(path.to_owned()));
        }
    }
    let marker = Marker {
        format: FORMAT,
        id: fresh_id.to_owned(),
        partitions,
        complete: false,
        created_by: env!("CARGO_PKG_VERSION").to_owned(),
        ancestors: Vec::new(),
        restored_at: Vec::new(),
    };
    write(path, &marker)?;
    Ok(marker)
}

fn write(path: &Path, marker: &Marker) -> Result<(), DataDirError> {
    let text = serde_json::to_vec_pretty(marker).expect("strings and numbers are JSON");
    replace_file(&path.join(MARKER), &text).map_err(|error| DataDirError::Io(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_keeps_its_id_and_partitions() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = DataDir::open(dir.path(), 4, "a").unwrap();
        assert!(!first.is_complete());
        first.complete().unwrap();
        let again = DataDir::open(dir.path(), 9, "b").unwrap();
        assert_eq!(
            (again.id(), again.partitions(), again.is_complete()),
            ("a", 4, true)
        );
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let check = |name: &str, content: &str, part: &str| {
            let dir = tempfile::tempdir().unwrap();
            fs::write(dir.path().join(name), content).unwrap();
            let error = DataDir::open(dir.path(), 4, "a").unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        };
        check("thesis.tex", "x", "not a data directory");
        check(MARKER, "{", "EOF");
        check(MARKER, r#"{"format": 7}"#, "has format 7");
        check(
            MARKER,
            r#"{"format":1,"id":"a","partitions":0,"complete":true,"created_by":"x"}"#,
            "0 partitions",
        );
    }
}
