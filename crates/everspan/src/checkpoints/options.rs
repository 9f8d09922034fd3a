//! What the driver of checkpoints is told, and how a store is opened.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use everspan_checkpoint::{DetailLevel, Job, Options, Task};
use everspan_state::store::{CheckpointStore, StoreOptions, StorePlaceError};

use super::manifest::Home;

/// How checkpoints are made.
#[derive(Clone)]
pub struct CheckpointsOptions {
    /// What the coordinator is told.
    pub coordinator: Options,
    /// The configured destination.
    pub destination: Option<String>,
    /// How any destination is used.
    pub store: StoreOptions,
    /// The directory of snapshots and local copies, and of the note.
    pub dir: PathBuf,
    /// What is checkpointed.
    pub home: Home,
    /// Name of the cluster: the jobId.
    pub cluster: String,
    /// Name of this node: the host of every partition.
    pub node: String,
}

/// Name and id of the server's only task.
pub(super) const TASK: &str = "partition";

impl CheckpointsOptions {
    /// The server as a job.
    pub fn job(&self) -> Job {
        Job {
            id: self.cluster.clone(),
            name: self.cluster.clone(),
            tasks: vec![Task {
                id: TASK.to_owned(),
                name: TASK.to_owned(),
                hosts: vec![self.node.clone(); usize::from(self.home.partitions)],
            }],
        }
    }

    /// Which spans tell of a checkpoint or a start.
    pub fn detail(&self) -> DetailLevel {
        self.coordinator.detail
    }

    /// The configured destination, opened; nothing is asked of it yet.
    ///
    /// # Errors
    /// When it cannot be one.
    pub fn open_destination(&self) -> Result<Option<Arc<CheckpointStore>>, StorePlaceError> {
        let open = |place: &String| self.open(place);
        self.destination.as_ref().map(open).transpose()
    }

    pub(super) fn open(&self, place: &str) -> Result<Arc<CheckpointStore>, StorePlaceError> {
        CheckpointStore::open(place, self.store.clone()).map(Arc::new)
    }
}

/// Settings of a store: `AWS_…` and the like of the environment first, then those of the configuration.
pub fn store_settings(
    environment: impl IntoIterator<Item = (OsString, OsString)>,
    configured: &BTreeMap<String, String>,
) -> Vec<(String, String)> {
    let text =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let mut settings = StoreOptions::settings_of_environment(environment.into_iter().filter_map(text));
    let lower = |(name, value): (&String, &String)| (name.to_ascii_lowercase(), value.clone());
    settings.extend(configured.iter().map(lower));
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_the_configuration_come_after_those_of_the_environment() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let environment = [
            pair("AWS_REGION", "eu-1"),
            pair("HOME", "/root"),
            pair("AWS_ENDPOINT", "http://a"),
        ];
        let configured = BTreeMap::from([pair("aws_endpoint", "http://b")]);
        assert_eq!(
            store_settings(
                environment.map(|(name, value)| (name.into(), value.into())),
                &configured
            ),
            [
                pair("aws_region", "eu-1"),
                pair("aws_endpoint", "http://a"),
                pair("aws_endpoint", "http://b")
            ]
        );
    }
}
