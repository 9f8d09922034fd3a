//! Revisions of a service: new invocations take the newest deployment, those under way stay where they began.

#![allow(clippy::unwrap_used, reason = "a test")]

mod world {
    pub(crate) mod child;
    pub(crate) mod http;
    pub(crate) mod server;
    pub(crate) mod service;
}

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use everspan_protocol::frame::MessageType;
use everspan_protocol::message::{SleepCommand, Suspension};
use serde_json::json;
use world::server::Server;
use world::service::{Service, Talk};

/// Sleeps two seconds, suspended, then says which version it is.
async fn nap(mut talk: Talk, version: &'static str) {
    let (_, entries) = talk.replay().await;
    talk.accept();
    if entries
        .iter()
        .any(|entry| entry.ty == MessageType::SLEEP_NOTIFICATION)
    {
        return talk.finish(version);
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let wake_up_time = u64::try_from((now + Duration::from_secs(2)).as_millis()).unwrap();
    let sleep = SleepCommand {
        wake_up_time,
        result_completion_id: 1,
        name: String::new(),
    };
    talk.say(MessageType::SLEEP_COMMAND, &sleep);
    talk.say(
        MessageType::SUSPENSION,
        &Suspension {
            waiting_completions: vec![1],
            ..Suspension::default()
        },
    );
    talk.close();
}

async fn deployment(version: &'static str, handlers: serde_json::Value) -> Service {
    let services = json!([{ "name": "Flow", "ty": "SERVICE", "handlers": handlers }]);
    Service::start(services, move |talk| nap(talk, version)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invocation_under_way_stays_on_its_deployment_and_new_ones_take_the_newest() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let run = json!([{ "name": "run" }]);
    let (one, two) = (deployment("one", run.clone()).await, deployment("two", run).await);

    assert_eq!(server.register(&one.url).await.status, 201);
    let early = server.send("/Flow/run", "").await;
    server
        .until(&early, |invocation| invocation["status"] == "suspended")
        .await;
    assert_eq!(server.register(&two.url).await.status, 201);
    assert_eq!(
        server.register(&two.url).await.status,
        200,
        "the same address again changes nothing"
    );
    let late = server.send("/Flow/run", "").await;

    assert_eq!(server.attach(&early).await.text(), "one");
    assert_eq!(server.attach(&late).await.text(), "two");

    // What is registered, and what is pinned, outlives a kill.
    let pinned = server.send("/Flow/run", "").await;
    server
        .until(&pinned, |invocation| invocation["status"] == "suspended")
        .await;
    server.kill();
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.attach(&pinned).await.text(), "two");
    assert_eq!(server.post("/Flow/run", "").await.text(), "two");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_that_loses_a_handler_is_refused_unless_it_is_meant() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let both = deployment("both", json!([{ "name": "run" }, { "name": "extra" }])).await;
    let less = deployment("less", json!([{ "name": "run" }])).await;

    assert_eq!(server.register(&both.url).await.status, 201);
    let refused = server.register(&less.url).await;
    assert_eq!(refused.status, 409);
    assert!(
        refused.text().contains("loses its handler extra"),
        "{}",
        refused.text()
    );
    assert_eq!(server.post("/Flow/run", "").await.text(), "both");
}
