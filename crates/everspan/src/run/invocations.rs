//! `everspan invocations`: list, show with journal, cancel, kill.

use std::process::ExitCode;

use http::{Method, StatusCode};
use jiff::{Timestamp, Unit};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::client::{Client, ClientError};
use super::deployments::{finish, text};
use super::screen;
use super::table::table;
use crate::cli::{InvocationsArgs, InvocationsCommand};
use crate::clock::now_ns;

const LIST_MAX: usize = 1000;
/// What an id consists of stays as it is in a path.
const ID: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'-');

/// Looks at the invocations of a running server, or ends one.
pub fn invocations(args: &InvocationsArgs) -> ExitCode {
    finish(args.admin.url.as_str(), async |client| match &args.command {
        InvocationsCommand::List => list(client).await,
        InvocationsCommand::Show { id } => show(client, id).await,
        InvocationsCommand::Cancel { id } => cancel(client, id).await,
        InvocationsCommand::Kill { id } => kill(client, id).await,
    })
}

async fn list(client: &Client) -> Result<String, ClientError> {
    let answer = client.get(&format!("/invocations?limit={LIST_MAX}")).await?;
    let mut invocations = answer["invocations"].as_array().cloned().unwrap_or_default();
    if invocations.is_empty() {
        return Ok(format!("no invocations at {}\n", client.url()));
    }
    invocations.sort_by_key(|invocation| std::cmp::Reverse(time(&invocation["created_at"])));
    let now_ns = now_ns();
    let rows: Vec<Vec<String>> = invocations
        .iter()
        .map(|invocation| row(invocation, now_ns))
        .collect();
    let head = ["ID", "TARGET", "STATUS", "AGE", "ATTEMPTS", "LAST ERROR"];
    let mut said = table(&head, &rows, screen::terminal_width());
    if rows.len() == LIST_MAX {
        said.push_str(&format!(
            "these are {LIST_MAX} of the invocations, there may be more\n"
        ));
    }
    Ok(said)
}

fn row(invocation: &Value, now_ns: u64) -> Vec<String> {
    vec![
        text(invocation, "id"),
        text(invocation, "target"),
        text(invocation, "status"),
        age(&invocation["created_at"], now_ns),
        invocation["attempts"].to_string(),
        error(invocation),
    ]
}

/// The failure it ended with, else the last one it met.
fn error(invocation: &Value) -> String {
    let failure = &invocation["result"]["failure"];
    let error = if failure.is_object() {
        failure
    } else {
        &invocation["last_error"]
    };
    match error["code"].as_u64() {
        Some(code) => format!("{code} {}", text(error, "message")),
        None => String::new(),
    }
}

async fn show(client: &Client, id: &str) -> Result<String, ClientError> {
    let invocation = client.get(&path(id, "")).await?;
    let mut said = format!("{}\n", text(&invocation, "id"));
    for (name, value) in facts(&invocation, now_ns()) {
        if !value.is_empty() {
            said.push_str(&format!("  {name:<12} {value}\n"));
        }
    }
    let journal = invocation["journal"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if journal.is_empty() {
        said.push_str("\nno journal is kept of it\n");
    } else {
        said.push_str("\njournal\n");
        said.push_str(&show_journal(journal, time(&invocation["created_at"])));
    }
    Ok(said)
}

fn facts(invocation: &Value, now_ns: u64) -> Vec<(&'static str, String)> {
    let created = time(&invocation["created_at"]);
    let ended = invocation["completed_at"]
        .as_str()
        .map(|_| time(&invocation["completed_at"]));
    let status = text(invocation, "status");
    let result = &invocation["result"];
    let status = match (&result["success"]["bytes"], &result["failure"]) {
        (Value::Number(bytes), _) => format!("{status}, success ({bytes} bytes)"),
        (_, Value::Object(_)) => format!("{status}, failure"),
        _ => status,
    };
    let next = to_ms(&text(invocation, "next_at"));
    vec![
        ("target", text(invocation, "target")),
        ("status", status),
        (
            "created",
            format!(
                "{}, {} ago",
                to_ms(&text(invocation, "created_at")),
                age(&invocation["created_at"], now_ns)
            ),
        ),
        (
            "took",
            ended
                .map(|ended| screen::duration(ended.saturating_sub(created)))
                .unwrap_or_default(),
        ),
        ("attempts", invocation["attempts"].to_string()),
        ("next attempt", next),
        ("awaits", awaits(&invocation["awaiting"])),
        ("error", error(invocation)),
        ("key", text(invocation, "idempotency_key")),
        ("deployment", text(invocation, "deployment")),
        ("trace", text(invocation, "trace_id")),
    ]
}

fn awaits(awaiting: &Value) -> String {
    let list = |field: &str, what: &str| {
        let items: Vec<String> = awaiting[field]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| item.as_str().map_or_else(|| item.to_string(), screen::one_line))
            .collect();
        (!items.is_empty()).then(|| format!("{what} {}", items.join(", ")))
    };
    let parts = [
        list("completions", "completion"),
        list("signals", "signal"),
        list("named_signals", "signal"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn show_journal(journal: &[Value], created_ns: u64) -> String {
    let rows: Vec<Vec<String>> = journal
        .iter()
        .map(|entry| {
            vec![
                format!("  {}", entry["index"]),
                format!(
                    "+{}",
                    screen::duration(time(&entry["at"]).saturating_sub(created_ns))
                ),
                entry["attempt"].to_string(),
                entry["bytes"].to_string(),
                format!("{} {}", text(entry, "type"), quoted(&text(entry, "name"))),
            ]
        })
        .collect();
    let head = ["  #", "AT", "ATTEMPT", "BYTES", "ENTRY"];
    table(&head, &rows, screen::terminal_width())
}

fn quoted(name: &str) -> String {
    if name.is_empty() {
        String::new()
    } else {
        format!("\"{name}\"")
    }
}

async fn cancel(client: &Client, id: &str) -> Result<String, ClientError> {
    let answer = client
        .exchange(Method::PATCH, &path(id, "/cancel"), None)
        .await?
        .success()?;
    Ok(if answer.status == StatusCode::ACCEPTED {
        format!("{id} is being cancelled: its handler gets a chance to clean up\n")
    } else {
        format!("{id} is cancelled, it had not begun\n")
    })
}

async fn kill(client: &Client, id: &str) -> Result<String, ClientError> {
    client
        .exchange(Method::PATCH, &path(id, "/kill"), None)
        .await?
        .success()?;
    Ok(format!("{id} is killed, without cleaning up\n"))
}

/// The id is the user's text: whatever it is, it stays one segment of the path.
fn path(id: &str, end: &str) -> String {
    format!("/invocations/{}{end}", utf8_percent_encode(id, ID))
}

/// How long ago an RFC 3339 text was; empty when it is none.
pub(super) fn age(at: &Value, now_ns: u64) -> String {
    match time(at) {
        0 => String::new(),
        at_ns => screen::duration(now_ns.saturating_sub(at_ns)),
    }
}

/// An RFC 3339 text without the digits below a millisecond.
fn to_ms(at: &str) -> String {
    let parsed: Result<Timestamp, _> = at.parse();
    parsed
        .and_then(|at| at.round(Unit::Millisecond))
        .map_or_else(|_| at.to_owned(), |at| at.to_string())
}

/// An RFC 3339 text as ns since the epoch; 0 when it is none.
fn time(at: &Value) -> u64 {
    let parsed: Option<Timestamp> = at.as_str().and_then(|text| text.parse().ok());
    parsed
        .and_then(|at| u64::try_from(at.as_nanosecond()).ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_tells_status_age_and_last_error() {
        let invocation = json!({
            "id": "inv_1", "target": "Greeter/flaky", "status": "backing-off", "attempts": 2,
            "created_at": "1970-01-01T00:00:10Z",
            "last_error": { "code": 500, "message": "busy\u{1b}[2J\nstack" },
        });
        let row = row(&invocation, 75_000_000_000);
        assert_eq!(
            row,
            [
                "inv_1",
                "Greeter/flaky",
                "backing-off",
                "1 min 5 s",
                "2",
                "500 busy\u{fffd}[2J"
            ]
        );
    }

    #[test]
    fn the_id_stays_one_segment() {
        assert_eq!(path("inv_1", "/kill"), "/invocations/inv_1/kill");
        assert_eq!(path("../x?y", ""), "/invocations/%2E%2E%2Fx%3Fy");
    }
}
