//! `deployments.json`: every deployment with its manifest, in a file that is replaced as a whole.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::deployment::{Deployment, Facts};
use super::handler::Defaults;

const FORMAT: u32 = 1;

/// Why the deployments cannot be read or written.
#[derive(Debug)]
pub enum FileError {
    /// Reading or writing failed.
    Io(PathBuf, io::Error),
    /// The file is not what this version writes.
    Content(PathBuf, String),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Content(path, why) => write!(f, "{} cannot be used: {why}", path.display()),
        }
    }
}

impl std::error::Error for FileError {}

#[derive(Serialize, Deserialize)]
struct Content {
    format: u32,
    deployments: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    id: String,
    uri: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    created_ms: u64,
    sdk_version: Option<String>,
    revisions: BTreeMap<String, u32>,
    manifest: String,
}

pub(super) struct DeploymentsFile {
    path: PathBuf,
}

impl DeploymentsFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What was registered; nothing if there is no file yet.
    pub(super) fn load(&self, defaults: &Defaults) -> Result<Vec<Deployment>, FileError> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(FileError::Io(self.path.clone(), error)),
        };
        let refuse = |why: String| FileError::Content(self.path.clone(), why);
        let content: Content = serde_json::from_str(&text).map_err(|error| refuse(error.to_string()))?;
        if content.format != FORMAT {
            return Err(refuse(format!(
                "its format is {}, this version reads {FORMAT}",
                content.format
            )));
        }
        content
            .deployments
            .into_iter()
            .map(|row| row.deployment(defaults).map_err(&refuse))
            .collect()
    }

    /// Replaces the file; when this returns, the new content survives a crash.
    pub(super) fn store<'a>(
        &self,
        deployments: impl Iterator<Item = &'a Deployment>,
    ) -> Result<(), FileError> {
        let content = Content {
            format: FORMAT,
            deployments: deployments.map(Row::of).collect(),
        };
        let bytes = serde_json::to_vec_pretty(&content).expect("strings and numbers are JSON");
        replace_file(&self.path, &bytes).map_err(|error| FileError::Io(self.path.clone(), error))
    }
}

impl Row {
    fn of(deployment: &Deployment) -> Self {
        Self {
            id: deployment.id.to_string(),
            uri: deployment.address.to_string(),
            headers: deployment.headers.clone(),
            metadata: deployment.metadata.clone(),
            created_ms: deployment.created_ms,
            sdk_version: deployment.sdk_version.clone(),
            revisions: deployment
                .services
                .iter()
                .map(|(name, service)| (name.clone(), service.revision))
                .collect(),
            manifest: deployment.manifest_json.clone(),
        }
    }

    fn deployment(self, defaults: &Defaults) -> Result<Deployment, String> {
        let facts = Facts {
            id: self
                .id
                .parse()
                .map_err(|error| format!("deployment id {}: {error}", self.id))?,
            address: self.uri.parse().map_err(|error| format!("{error}"))?,
            headers: self.headers,
            metadata: self.metadata,
            created_ms: self.created_ms,
            sdk_version: self.sdk_version,
            manifest_json: self.manifest,
            revisions: self.revisions,
        };
        Deployment::new(facts, defaults)
    }
}

/// Writes beside the file, syncs, renames over it, syncs the directory.
pub(crate) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    let dir = path
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    File::open(dir)?.sync_all()
}
