//! `everspan deployments`: register and list.

use std::process::ExitCode;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::client::{Client, ClientError};
use super::invocations::age;
use super::screen;
use super::table::table;
use crate::cli::{DeploymentsArgs, DeploymentsCommand};
use crate::clock::now_ns;

/// Registers or lists deployments on a running server.
pub fn deployments(args: &DeploymentsArgs) -> ExitCode {
    finish(args.admin.url.as_str(), async |client| match &args.command {
        DeploymentsCommand::Register { uri, force } => register(client, uri, *force).await,
        DeploymentsCommand::List => list(client).await,
    })
}

/// Runs one exchange with the server at `url` and prints what comes of it.
pub(super) fn finish(url: &str, ask: impl AsyncFnOnce(&Client) -> Result<String, ClientError>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let said = runtime.block_on(async { ask(&Client::new(url)?).await });
    match said {
        Ok(text) => screen::write(&text).map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS),
        Err(error @ ClientError::Url { .. }) => {
            eprintln!("everspan: {error}");
            ExitCode::from(2)
        }
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("everspan: {error}");
    ExitCode::FAILURE
}

async fn register(client: &Client, uri: &str, force: bool) -> Result<String, ClientError> {
    let body = json!({ "uri": uri, "force": force });
    let answer = client
        .exchange(Method::POST, "/deployments", Some(&body))
        .await?
        .success()?;
    let deployment: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let new = match answer.status {
        StatusCode::CREATED => "registered",
        _ => "known already, with the same services:",
    };
    let mut said = format!("{} {new} {}\n", text(&deployment, "id"), text(&deployment, "uri"));
    for service in deployment["services"].as_array().into_iter().flatten() {
        let kind = match service["ty"].as_str() {
            Some("VirtualObject") => "virtual object",
            Some("Workflow") => "workflow",
            _ => "service",
        };
        said.push_str(&format!(
            "  {} ({kind}, revision {}): {}\n",
            text(service, "name"),
            service["revision"],
            names(&service["handlers"])
        ));
    }
    Ok(said)
}

async fn list(client: &Client) -> Result<String, ClientError> {
    let answer = client.get("/deployments").await?;
    let now_ns = now_ns();
    let rows: Vec<Vec<String>> = answer["deployments"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|deployment| {
            let sdk = text(deployment, "sdk_version");
            vec![
                text(deployment, "id"),
                text(deployment, "uri"),
                age(&deployment["created_at"], now_ns),
                if sdk.is_empty() { "unknown".to_owned() } else { sdk },
                names(&deployment["services"]),
            ]
        })
        .collect();
    if rows.is_empty() {
        return Ok(format!(
            "no deployments at {}; add one with `everspan deployments register http://localhost:9080`\n",
            client.url()
        ));
    }
    let head = ["ID", "ADDRESS", "AGE", "SDK", "SERVICES"];
    Ok(table(&head, &rows, screen::terminal_width()))
}

/// A text field on one line; empty when there is none.
pub(super) fn text(value: &Value, field: &str) -> String {
    screen::one_line(value[field].as_str().unwrap_or_default())
}

fn names(list: &Value) -> String {
    let names: Vec<String> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| text(item, "name"))
        .collect();
    names.join(", ")
}
