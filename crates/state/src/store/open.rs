//! From a URL to a store.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use object_store::DynObjectStore;
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use url::Url;

use super::retry::Retry;
use super::{CheckpointStore, Counts, Ledger, cloud};

/// How a store is used.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Files shorter than this become part of the manifest; Flink's `state.storage.fs.memory-threshold`.
    pub inline_below: u64,
    /// Asking again.
    pub retry: Retry,
    /// Longest silence while something is read: then the request has failed. `None`: no limit, and no clock is needed.
    pub silence_max: Option<Duration>,
    /// Settings of the kind of store, such as `endpoint` or `region`, as `object_store` names them; later ones win. This
    /// crate reads no environment: see [`settings_of_environment`](Self::settings_of_environment).
    pub settings: Vec<(String, String)>,
}

impl StoreOptions {
    /// Those of some environment variables that a store in the cloud knows, such as `AWS_ACCESS_KEY_ID`,
    /// `AWS_ENDPOINT_URL` or `GOOGLE_SERVICE_ACCOUNT`. Others with such a name are left out.
    pub fn settings_of_environment(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Vec<(String, String)> {
        let known = variables
            .into_iter()
            .filter(|(key, _)| cloud::is_known_variable(key));
        known
            .map(|(key, value)| (key.to_ascii_lowercase(), value))
            .collect()
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            inline_below: 20 << 10,
            retry: Retry::default(),
            silence_max: Some(Duration::from_secs(30)),
            settings: Vec::new(),
        }
    }
}

/// Why a place cannot be a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorePlaceError {
    place: String,
    reason: String,
}

impl CheckpointStore {
    /// The store at `place`: a directory's path, or a URL such as `file:///var/checkpoints` or `s3://bucket/prefix`.
    /// A directory is made when it is absent, and what is put into it is synced.
    ///
    /// # Errors
    ///
    /// When the place is not a store, with its name and the reason. A store elsewhere is not asked yet.
    pub fn open(place: &str, options: StoreOptions) -> Result<Self, StorePlaceError> {
        let refuse = |reason: String| StorePlaceError {
            place: place.to_owned(),
            reason,
        };
        let dir = directory(place).map_err(refuse)?;
        let (objects, prefix) = match &dir {
            Some(dir) => (in_directory(dir).map_err(refuse)?, StorePath::default()),
            None => cloud::at_url(place, &options.settings).map_err(refuse)?,
        };
        let store = Self::over(objects, prefix, place.to_owned(), options);
        Ok(Self { dir, ..store })
    }

    /// Any object store.
    pub fn over(
        objects: Arc<DynObjectStore>,
        prefix: StorePath,
        place: String,
        options: StoreOptions,
    ) -> Self {
        Self {
            objects,
            prefix,
            place,
            dir: None,
            options,
            ledger: Mutex::new(Ledger::default()),
            gate: tokio::sync::RwLock::new(()),
            counts: Counts::default(),
        }
    }
}

/// The directory that `place` names, if it names one.
fn directory(place: &str) -> Result<Option<PathBuf>, String> {
    match place.split_once("://") {
        None if place.is_empty() => Err("it is empty".to_owned()),
        None => Ok(Some(PathBuf::from(place))),
        Some(("file", _)) => {
            let url = Url::parse(place).map_err(|error| error.to_string())?;
            let path = url.to_file_path();
            path.map(Some).map_err(|()| {
                "a file URL has an absolute path and no host, as in file:///var/checkpoints".to_owned()
            })
        }
        Some(_) => Ok(None),
    }
}

fn in_directory(dir: &PathBuf) -> Result<Arc<DynObjectStore>, String> {
    std::fs::create_dir_all(dir).map_err(|error| error.to_string())?;
    let store = LocalFileSystem::new_with_prefix(dir).map_err(|error| error.to_string())?;
    Ok(Arc::new(store.with_fsync(true)))
}

impl fmt::Display for StorePlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` cannot be a checkpoint store: {}",
            self.place, self.reason
        )
    }
}

impl std::error::Error for StorePlaceError {}
