//! A deployment: where services listen, and what they said they offer.

use std::collections::BTreeMap;

use everspan_protocol::content_type::{ServiceProtocolVersion, negotiate};
use everspan_protocol::ids::DeploymentId;
use everspan_protocol::manifest::{Manifest, ProtocolMode};

use super::handler::{Defaults, ResolvedService};
use crate::address::ServiceAddress;

/// A deployment.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// Its id.
    pub id: DeploymentId,
    /// Where it listens.
    pub address: ServiceAddress,
    /// Headers sent with every request to it.
    pub headers: BTreeMap<String, String>,
    /// What the operator noted.
    pub metadata: BTreeMap<String, String>,
    /// When it was registered, ms since the epoch.
    pub created_ms: u64,
    /// `x-restate-server` of its discovery response.
    pub sdk_version: Option<String>,
    /// Whether both directions of an attempt stay open.
    pub mode: ProtocolMode,
    /// The oldest and the newest protocol version it speaks.
    pub versions: (u16, u16),
    /// The version we speak with it.
    pub protocol: ServiceProtocolVersion,
    /// Its services, by name.
    pub services: BTreeMap<String, ResolvedService>,
    /// The manifest as it was sent.
    pub manifest_json: String,
}

/// What is kept of a deployment; the manifest is read again from its JSON.
pub(super) struct Facts {
    pub(super) id: DeploymentId,
    pub(super) address: ServiceAddress,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) created_ms: u64,
    pub(super) sdk_version: Option<String>,
    pub(super) manifest_json: String,
    /// Revision of each service.
    pub(super) revisions: BTreeMap<String, u32>,
}

impl Deployment {
    pub(super) fn new(facts: Facts, defaults: &Defaults) -> Result<Self, String> {
        let manifest =
            Manifest::from_json(facts.manifest_json.as_bytes()).map_err(|error| error.to_string())?;
        let protocol =
            negotiate(manifest.min_version, manifest.max_version).map_err(|error| error.to_string())?;
        let services = manifest
            .services
            .into_iter()
            .map(|service| {
                let revision = facts.revisions.get(&service.name).copied().unwrap_or(1);
                (
                    service.name.clone(),
                    ResolvedService::new(service, revision, defaults),
                )
            })
            .collect();
        Ok(Self {
            id: facts.id,
            address: facts.address,
            headers: facts.headers,
            metadata: facts.metadata,
            created_ms: facts.created_ms,
            sdk_version: facts.sdk_version,
            mode: manifest.mode,
            versions: (manifest.min_version, manifest.max_version),
            protocol,
            services,
            manifest_json: facts.manifest_json,
        })
    }
}
