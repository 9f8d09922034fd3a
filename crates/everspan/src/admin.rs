//! The admin API: deployments, services, invocations, health. Paths work with and without a version prefix
//! (`/v2`, `/v3`, `/v4`), as the official CLI and SDK tools expect.

mod checkpoints;
mod deployments;
mod error;
mod invocations;
mod json;
mod metrics;
mod services;
mod version;

use std::sync::Arc;

use axum::Router as AxumRouter;
use axum::routing::{get, patch, post};

use crate::checkpoints::CheckpointsHandle;
use crate::invoker::Connector;
use crate::registry::Registry;
use crate::worker::Router;

/// What the admin API works on.
#[derive(Clone)]
pub struct Admin {
    /// The workers.
    pub router: Arc<Router>,
    /// The deployments.
    pub registry: Arc<Registry>,
    /// Connections to services, for discovery.
    pub connector: Arc<Connector>,
    /// Checkpoints of the partitions.
    pub checkpoints: CheckpointsHandle,
    /// Where clients reach the ingress, as told to tools.
    pub ingress_url: String,
    /// Numbers for `/metrics`.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

impl Admin {
    /// All routes.
    pub fn routes(self) -> AxumRouter {
        let api = AxumRouter::new()
            .route("/health", get(|| async {}))
            .route("/version", get(version::get))
            .route("/deployments", get(deployments::list).post(deployments::register))
            .route(
                "/deployments/{id}",
                get(deployments::show).delete(deployments::remove),
            )
            .route("/checkpoints", get(checkpoints::show).post(checkpoints::make))
            .route("/services", get(services::list))
            .route("/services/{service}", get(services::show))
            .route("/services/{service}/handlers", get(services::handlers))
            .route("/services/{service}/handlers/{handler}", get(services::handler))
            .route("/invocations", get(invocations::list))
            .route(
                "/invocations/{id}",
                get(invocations::show).delete(invocations::end),
            )
            .route(
                "/invocations/{id}/cancel",
                patch(invocations::cancel).post(invocations::cancel),
            )
            .route(
                "/invocations/{id}/purge",
                patch(invocations::purge).post(invocations::purge),
            )
            .route(
                "/invocations/{id}/kill",
                patch(invocations::kill).post(invocations::kill),
            );
        let metrics = AxumRouter::new().route("/metrics", get(metrics::get));
        let absent = post(error::absent)
            .get(error::absent)
            .patch(error::absent)
            .delete(error::absent);
        AxumRouter::new()
            .merge(api.clone())
            .merge(metrics)
            .nest("/v2", api.clone())
            .nest("/v3", api.clone())
            .nest("/v4", api)
            .fallback(absent)
            .with_state(self)
    }
}
