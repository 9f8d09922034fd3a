//! Services that break the service protocol in every way: the attempt ends, the error is told, the server goes on.

#![allow(clippy::unwrap_used, reason = "a test")]

mod world {
    pub(crate) mod child;
    pub(crate) mod crimes;
    pub(crate) mod http;
    pub(crate) mod server;
    pub(crate) mod service;
}

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::sync::Semaphore;
use tokio::sync::mpsc::UnboundedReceiver;
use world::crimes::{AGAINST_OBJECTS, CRIMES, Crime};
use world::server::{PATIENCE, Server};
use world::service::{Cut, Heard, Manners, Service, argument, finished};

fn services(extra: &serde_json::Value) -> serde_json::Value {
    let mut handler = json!({ "name": "run" });
    for (key, value) in extra.as_object().into_iter().flatten() {
        handler[key] = value.clone();
    }
    json!([
        { "name": "Svc", "ty": "SERVICE", "handlers": [handler] },
        { "name": "Obj", "ty": "VIRTUAL_OBJECT", "handlers": [handler] },
    ])
}

/// The first attempt of each invocation commits the crime its argument names; later ones wait for the gate and end well.
async fn start(crimes: &'static [Crime]) -> (Service, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let seen = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
    let opened = Arc::clone(&gate);
    let service = Service::start(services(&json!({})), move |mut talk| {
        let (seen, opened) = (Arc::clone(&seen), Arc::clone(&opened));
        async move {
            let (_, entries) = talk.replay().await;
            let named = argument(&entries);
            let attempt = {
                let mut seen = seen.lock().unwrap();
                let attempt = seen.entry(talk.id.clone()).or_default();
                *attempt += 1;
                *attempt
            };
            if attempt == 1 {
                let crime = crimes.iter().find(|crime| crime.name == named);
                return (crime.unwrap().commit)(talk).await;
            }
            drop(opened.acquire().await.unwrap());
            talk.accept();
            talk.finish("well");
        }
    });
    (service.await, gate)
}

/// What the service tells next.
async fn next<T>(heard: &mut UnboundedReceiver<T>) -> T {
    let told = tokio::time::timeout(PATIENCE, heard.recv()).await;
    told.expect("the service tells in time").unwrap()
}

async fn served(crimes: &'static [Crime]) -> (Server, Service, Arc<Semaphore>, tempfile::TempDir) {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let (service, gate) = start(crimes).await;
    let answer = server.register(&service.url).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    (server, service, gate, data)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_service_says_wrongly_ends_the_attempt_with_its_error_and_nothing_else() {
    let (server, _service, gate, _data) = served(CRIMES).await;
    let mut ids = Vec::new();
    for crime in CRIMES {
        ids.push(server.send("/Svc/run", crime.name).await);
    }
    for (id, Crime { name, code, text, .. }) in ids.iter().zip(CRIMES) {
        let invocation = server.until(id, |seen| !seen["last_error"].is_null()).await;
        let error = &invocation["last_error"];
        assert_eq!(error["code"], *code, "{name}: {error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(text), "{name}: {message}");
    }
    gate.add_permits(Semaphore::MAX_PERMITS / 2);
    for (id, Crime { name, .. }) in ids.iter().zip(CRIMES) {
        let answer = server.attach(id).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "well"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_refuse_state_keys_that_are_too_long_and_promises() {
    let (server, _service, gate, _data) = served(AGAINST_OBJECTS).await;
    for Crime { name, code, text, .. } in AGAINST_OBJECTS {
        let key = name.replace(' ', "-");
        let id = server.send(&format!("/Obj/{key}/run"), name).await;
        let invocation = server.until(&id, |seen| !seen["last_error"].is_null()).await;
        assert_eq!(invocation["last_error"]["code"], *code, "{name}");
        assert!(
            invocation["last_error"]["message"]
                .as_str()
                .unwrap()
                .contains(text),
            "{invocation}"
        );
    }
    gate.add_permits(100);
    assert_eq!(
        server
            .post("/Obj/long-state-key/run", "long state key")
            .await
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_break_cost_an_attempt_and_no_invocation() {
    let begun = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&begun);
    let service = Service::start(services(&json!({})), move |mut talk| {
        let counted = Arc::clone(&counted);
        async move {
            let (_, entries) = talk.replay().await;
            let how = argument(&entries);
            talk.accept();
            if counted.fetch_add(1, Ordering::SeqCst).is_multiple_of(2) {
                talk.raw(finished("x").slice(..9));
                talk.cut(if how == "drop" { Cut::Drop } else { Cut::GoAway });
                return talk.left().await;
            }
            talk.finish("well");
        }
    });
    let (service, data) = (service.await, tempfile::tempdir().unwrap());
    let server = Server::start(data.path(), &[("DEFAULT_RETRY_POLICY__INITIAL_INTERVAL", "20ms")]);
    assert_eq!(server.register(&service.url).await.status, 201);
    for how in ["drop", "goaway", "drop", "goaway"] {
        let answer = server.post("/Svc/run", how).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "well"), "{how}");
    }
    assert_eq!(begun.load(Ordering::SeqCst), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_in_pieces_of_one_byte_is_an_answer() {
    let service = Service::start(services(&json!({})), |mut talk| async move {
        talk.replay().await;
        talk.accept();
        for byte in finished("piece by piece") {
            talk.raw(vec![byte]);
            tokio::task::yield_now().await;
        }
        talk.close();
    });
    let (service, data) = (service.await, tempfile::tempdir().unwrap());
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.register(&service.url).await.status, 201);
    assert_eq!(server.post("/Svc/run", "").await.text(), "piece by piece");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_sends_on_after_its_end_is_left() {
    let flooded = Arc::new(AtomicUsize::new(0));
    let over = Arc::clone(&flooded);
    let service = Service::start(services(&json!({})), move |mut talk| {
        let over = Arc::clone(&over);
        async move {
            talk.replay().await;
            talk.accept();
            talk.raw(finished("done"));
            while talk.push(vec![0; 16 * 1024].into()).await {}
            over.fetch_add(1, Ordering::SeqCst);
        }
    });
    let (service, data) = (service.await, tempfile::tempdir().unwrap());
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.register(&service.url).await.status, 201);
    let begun = Instant::now();
    assert_eq!(server.post("/Svc/run", "").await.text(), "done");
    while flooded.load(Ordering::SeqCst) == 0 {
        assert!(begun.elapsed() < PATIENCE, "the service still floods");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_do_not_wait_for_each_other_on_a_connection_of_few_streams() {
    let together = Arc::new(tokio::sync::Barrier::new(5));
    let services = services(&json!({ "inactivityTimeout": 60_000 }));
    let service = Service::start_with(Manners { streams_max: 2 }, services, move |mut talk| {
        let together = Arc::clone(&together);
        async move {
            talk.replay().await;
            talk.accept();
            together.wait().await;
            talk.finish("together");
        }
    });
    let (service, data) = (service.await, tempfile::tempdir().unwrap());
    let server = Arc::new(Server::start(data.path(), &[]));
    assert_eq!(server.register(&service.url).await.status, 201);
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.post("/Svc/run", "").await.text() })
        })
        .collect();
    for call in calls {
        let said = tokio::time::timeout(PATIENCE, call).await;
        assert_eq!(said.expect("no attempt waits for another").unwrap(), "together");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_ended_by_the_inactivity_timeout_and_then_by_the_abort_timeout() {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let options = json!({ "inactivityTimeout": 300, "abortTimeout": 400 });
    let service = Service::start(services(&options), move |mut talk| {
        let told = told.clone();
        async move {
            let (start, entries) = talk.replay().await;
            if start.retry_count_since_last_stored_entry > 0 {
                talk.accept();
                return talk.finish("awake");
            }
            if argument(&entries) == "headers only" {
                talk.accept();
            }
            let first = talk.hear().await;
            let asked_at = Instant::now();
            talk.left().await;
            told.send((first, asked_at, Instant::now())).unwrap();
        }
    });
    let (service, data) = (service.await, tempfile::tempdir().unwrap());
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.register(&service.url).await.status, 201);
    for argument in ["headers only", "nothing at all"] {
        let begun = Instant::now();
        let id = server.send("/Svc/run", argument).await;
        let invocation = server.until(&id, |seen| !seen["last_error"].is_null()).await;
        assert_eq!(invocation["last_error"]["code"], 500, "{argument}");
        let message = invocation["last_error"]["message"].as_str().unwrap();
        assert!(message.contains("silent for 400 ms"), "{message}");
        assert_eq!(server.attach(&id).await.text(), "awake");
        let (first, asked_at, left_at) = next(&mut heard).await;
        assert_eq!(first, Heard::HalfClosed, "{argument}");
        // It was not earlier; how much later is the machine's affair.
        assert!(asked_at - begun >= Duration::from_millis(300), "{argument}");
        assert!(left_at - begun >= Duration::from_millis(700), "{argument}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_inactivity_timeout_means_that_the_request_ends_with_the_journal() {
    let service = Service::start(
        services(&json!({ "inactivityTimeout": 0 })),
        |mut talk| async move {
            talk.replay().await;
            let next = talk.hear().await;
            talk.accept();
            talk.finish(if next == Heard::HalfClosed {
                "half-closed"
            } else {
                "open"
            });
        },
    );
    let (service, data) = (service.await, tempfile::tempdir().unwrap());
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.register(&service.url).await.status, 201);
    assert_eq!(server.post("/Svc/run", "").await.text(), "half-closed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_an_invocation_leaves_a_service_that_never_answers() {
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let service = Service::start(services(&json!({})), move |mut talk| {
        let told = told.clone();
        async move {
            talk.replay().await;
            told.send(None).unwrap();
            told.send(Some(talk.hear().await)).unwrap();
        }
    });
    let (service, data) = (service.await, tempfile::tempdir().unwrap());
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.register(&service.url).await.status, 201);
    let id = server.send("/Svc/run", "").await;
    assert_eq!(next(&mut heard).await, None);
    let path = format!("/invocations/{id}/kill");
    let killed = world::http::request(&server.admin, "PATCH", &path, &[], b"").await;
    assert_eq!(killed.status, 200);
    assert_eq!(next(&mut heard).await, Some(Heard::Reset));
    assert_eq!(server.attach(&id).await.status, 409);
}
