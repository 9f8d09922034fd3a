//! Registering a deployment: ask it, check what changes, keep it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use everspan_protocol::ids::DeploymentId;

use super::deployment::{Deployment, Facts};
use super::discover::{Discovered, discover};
use super::{DiscoveryError, FileError, Registry, ResolvedService, Snapshot};
use crate::address::ServiceAddress;
use crate::invoker::Connector;

/// The longest name of a service or handler, bytes.
const NAME_MAX: usize = 1024;

/// What an operator asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where the services listen.
    pub address: ServiceAddress,
    /// Headers for every request to them.
    pub headers: BTreeMap<String, String>,
    /// Notes.
    pub metadata: BTreeMap<String, String>,
    /// Replace a deployment of the same address.
    pub force: bool,
    /// Allow changes that break callers.
    pub breaking: bool,
    /// Only look.
    pub dry_run: bool,
    /// Id for a new deployment, drawn by the caller.
    pub fresh_id: DeploymentId,
    /// Now, ms since the epoch.
    pub now_ms: u64,
}

/// What came of it.
pub enum Registration {
    /// It was registered, or would be.
    New(Arc<Deployment>),
    /// The address was registered before and stays as it was.
    Known(Arc<Deployment>),
}

/// Why a deployment was not registered.
#[derive(Debug)]
pub enum RegisterError {
    /// It could not be asked.
    Discovery(DiscoveryError),
    /// Its manifest cannot be used.
    Manifest(String),
    /// It changes a service in a way that breaks callers.
    Breaking(String),
    /// A name that is taken by the server itself.
    Reserved(String),
    /// It could not be kept.
    File(FileError),
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Discovery(error) => write!(f, "{error}"),
            Self::Manifest(why) => write!(f, "the deployment cannot be used: {why}"),
            Self::Breaking(why) => write!(f, "{why}; set \"breaking\" or \"force\" if that is meant"),
            Self::Reserved(name) => write!(f, "the service name {name:?} is reserved"),
            Self::File(error) => write!(f, "the deployment could not be stored: {error}"),
        }
    }
}

impl std::error::Error for RegisterError {}

impl Registry {
    /// Registers a deployment.
    pub async fn register(
        &self,
        connector: &Connector,
        request: Request,
    ) -> Result<Registration, RegisterError> {
        if let Some(known) = known(&self.snapshot(), &request) {
            return Ok(Registration::Known(known));
        }
        // A deployment that does not answer must not hold up the registration of others.
        let found = discover(connector, &request.address, &request.headers)
            .await
            .map_err(RegisterError::Discovery)?;
        let _changing = self.changing.lock().await;
        let snapshot = self.snapshot();
        if let Some(known) = known(&snapshot, &request) {
            return Ok(Registration::Known(known));
        }
        let same = of_address(&snapshot, &request).cloned();
        let dry_run = request.dry_run;
        let deployment = self.accept(&snapshot, same.as_deref(), request, found)?;
        if !dry_run {
            self.keep(&snapshot, deployment.clone())?;
        }
        Ok(Registration::New(Arc::new(deployment)))
    }

    /// Forgets a deployment; `false` if there was none. Invocations pinned to it retry until it is back.
    pub async fn remove(&self, id: &DeploymentId) -> Result<bool, FileError> {
        let _changing = self.changing.lock().await;
        let snapshot = self.snapshot();
        if snapshot.deployment(id).is_none() {
            return Ok(false);
        }
        let rest: Vec<_> = snapshot
            .deployments()
            .filter(|known| known.id != *id)
            .map(|known| (**known).clone())
            .collect();
        self.file.store(rest.iter())?;
        self.publish(Snapshot::of(rest));
        Ok(true)
    }

    fn accept(
        &self,
        snapshot: &Snapshot,
        same: Option<&Deployment>,
        request: Request,
        found: Discovered,
    ) -> Result<Deployment, RegisterError> {
        let facts = Facts {
            id: same.map_or(request.fresh_id, |known| known.id),
            address: request.address,
            headers: request.headers,
            metadata: request.metadata,
            created_ms: same.map_or(request.now_ms, |known| known.created_ms),
            sdk_version: found.sdk_version,
            manifest_json: found.manifest_json,
            revisions: BTreeMap::new(),
        };
        let mut deployment = Deployment::new(facts, &self.defaults).map_err(RegisterError::Manifest)?;
        for (name, service) in &mut deployment.services {
            check_names(name, service)?;
            let Some((offered_by, known)) = snapshot.newest(name) else {
                continue;
            };
            let replaces = same.is_some_and(|same| same.id == offered_by.id);
            service.revision = if replaces {
                known.revision
            } else {
                known.revision + 1
            };
            if request.breaking || request.force {
                continue;
            }
            if known.manifest.ty != service.manifest.ty {
                return Err(RegisterError::Breaking(format!(
                    "the service {name} changes its type"
                )));
            }
            let gone = known
                .handlers
                .keys()
                .find(|handler| !service.handlers.contains_key(*handler));
            if let Some(handler) = gone {
                return Err(RegisterError::Breaking(format!(
                    "the service {name} loses its handler {handler}"
                )));
            }
        }
        Ok(deployment)
    }

    fn keep(&self, snapshot: &Snapshot, deployment: Deployment) -> Result<(), RegisterError> {
        let mut all: Vec<Deployment> = snapshot
            .deployments()
            .filter(|known| known.id != deployment.id)
            .map(|known| (**known).clone())
            .collect();
        all.push(deployment);
        self.file.store(all.iter()).map_err(RegisterError::File)?;
        self.publish(Snapshot::of(all));
        Ok(())
    }
}

/// The deployment of the request's address.
fn of_address<'a>(snapshot: &'a Snapshot, request: &Request) -> Option<&'a Arc<Deployment>> {
    let mut deployments = snapshot.deployments();
    deployments.find(|known| known.address == request.address)
}

/// The deployment that answers the request without being asked.
fn known(snapshot: &Snapshot, request: &Request) -> Option<Arc<Deployment>> {
    of_address(snapshot, request).filter(|_| !request.force).cloned()
}

/// Names stand in keys of the state, in paths and in spans: they are not reserved and not longer than [`NAME_MAX`].
fn check_names(service: &str, resolved: &ResolvedService) -> Result<(), RegisterError> {
    if matches!(service, "restate" | "openapi") {
        return Err(RegisterError::Reserved(service.to_owned()));
    }
    let names = std::iter::once(service).chain(resolved.handlers.keys().map(String::as_str));
    match names.map(str::len).find(|&len| len > NAME_MAX) {
        Some(len) => Err(RegisterError::Manifest(format!(
            "the name of a service or handler has {len} bytes, at most {NAME_MAX} are allowed"
        ))),
        None => Ok(()),
    }
}
