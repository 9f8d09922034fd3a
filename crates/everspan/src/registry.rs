//! The deployments and the services they offer.
//!
//! A [`Registry`] hands out [`Snapshot`]s: immutable, cheap to share, what one request or attempt sees from its
//! begin to its end. Changes are written to `deployments.json` (whole file, synced, renamed) before they are seen.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use everspan_durable::attempt::Callees;
use everspan_durable::record::HandlerFacts;
use everspan_protocol::ids::DeploymentId;

mod deployment;
mod discover;
mod file;
mod handler;
mod register;

pub use deployment::Deployment;
pub use discover::DiscoveryError;
pub use file::FileError;
pub(crate) use file::replace_file;
pub use handler::{Defaults, ResolvedHandler, ResolvedService};
pub use register::{RegisterError, Registration, Request};

/// The deployments, changeable.
pub struct Registry {
    current: RwLock<Arc<Snapshot>>,
    changing: tokio::sync::Mutex<()>,
    file: file::DeploymentsFile,
    defaults: Defaults,
}

/// The deployments at one moment.
#[derive(Default)]
pub struct Snapshot {
    deployments: BTreeMap<DeploymentId, Arc<Deployment>>,
    newest: BTreeMap<String, ServiceRevision>,
}

/// The newest revision of a service.
#[derive(Clone)]
pub struct ServiceRevision {
    /// Counts from 1.
    pub revision: u32,
    /// The deployment that offers it.
    pub deployment: Arc<Deployment>,
}

impl Registry {
    /// Takes up the deployments of a data directory.
    pub fn open(file: std::path::PathBuf, defaults: Defaults) -> Result<Self, FileError> {
        let file = file::DeploymentsFile::new(file);
        let snapshot = Snapshot::of(file.load(&defaults)?);
        Ok(Self {
            current: RwLock::new(Arc::new(snapshot)),
            changing: tokio::sync::Mutex::new(()),
            file,
            defaults,
        })
    }

    /// What is registered now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read().expect("no holder of this lock panics"))
    }

    fn publish(&self, snapshot: Snapshot) {
        *self.current.write().expect("no holder of this lock panics") = Arc::new(snapshot);
    }
}

impl Snapshot {
    fn of(deployments: Vec<Deployment>) -> Self {
        let mut snapshot = Self::default();
        for deployment in deployments {
            let deployment = Arc::new(deployment);
            for (name, service) in &deployment.services {
                let newer = snapshot
                    .newest
                    .get(name)
                    .is_none_or(|known| known.revision < service.revision);
                if newer {
                    let newest = ServiceRevision {
                        revision: service.revision,
                        deployment: Arc::clone(&deployment),
                    };
                    snapshot.newest.insert(name.clone(), newest);
                }
            }
            snapshot.deployments.insert(deployment.id, deployment);
        }
        snapshot
    }

    /// All deployments, in the order of their ids.
    pub fn deployments(&self) -> impl Iterator<Item = &Arc<Deployment>> {
        self.deployments.values()
    }

    /// A deployment.
    pub fn deployment(&self, id: &DeploymentId) -> Option<&Arc<Deployment>> {
        self.deployments.get(id)
    }

    /// The newest revision of each service, by name.
    pub fn services(&self) -> impl Iterator<Item = (&String, &ServiceRevision)> {
        self.newest.iter()
    }

    /// The newest revision of a service, and its deployment.
    pub fn newest(&self, service: &str) -> Option<(&Arc<Deployment>, &ResolvedService)> {
        let newest = self.newest.get(service)?;
        Some((&newest.deployment, newest.deployment.services.get(service)?))
    }
}

impl Callees for Snapshot {
    fn find(&self, service: &str, handler: &str, idempotent: bool) -> Option<HandlerFacts> {
        let (_, service) = self.newest(service)?;
        Some(service.handlers.get(handler)?.facts(idempotent))
    }
}
