//! `everspan checkpoint`, `everspan savepoint`: one on demand.

use std::process::ExitCode;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::client::{Client, ClientError};
use super::deployments::finish;
use crate::cli::{CheckpointArgs, SavepointArgs};

/// A checkpoint may take as long as `checkpoint.timeout` allows; the server ends it.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Has a running server make a checkpoint.
pub fn checkpoint(args: &CheckpointArgs) -> ExitCode {
    finish(&args.admin.url, async |client| {
        make(client, &json!({ "kind": "checkpoint" })).await
    })
}

/// Has a running server make a savepoint.
pub fn savepoint(args: &SavepointArgs) -> ExitCode {
    let body = match &args.to {
        Some(to) => json!({ "kind": "savepoint", "destination": to }),
        None => json!({ "kind": "savepoint" }),
    };
    finish(&args.admin.url, async |client| make(client, &body).await)
}

async fn make(client: &Client, body: &Value) -> Result<String, ClientError> {
    let client = client.clone().with_patience(PATIENCE);
    let answer = client
        .exchange(Method::POST, "/checkpoints", Some(body))
        .await?
        .success()?;
    let made: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    Ok(format!(
        "{} {} complete in {:.0} ms: {} of {} bytes written, manifest {} bytes\n",
        made["checkpointType"]
            .as_str()
            .unwrap_or("checkpoint")
            .to_lowercase(),
        made["checkpointId"],
        made["duration_ms"].as_f64().unwrap_or_default(),
        made["checkpointedSize"],
        made["fullSize"],
        made["metadataSize"],
    ))
}
