//! Stops, crashes, full disks and data directories that are not as they should be: nothing accepted is lost.

#![allow(clippy::unwrap_used, reason = "a test")]

mod world {
    pub(crate) mod child;
    pub(crate) mod disk;
    pub(crate) mod http;
    pub(crate) mod server;
    pub(crate) mod service;
}

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use everspan_protocol::frame::MessageType;
use everspan_protocol::message::{ProposeRunCompletion, RunCommand, RunProposal};
use serde_json::json;
use world::disk::SmallDisk;
use world::http::Answer;
use world::server::{PATIENCE, Server, refused};
use world::service::{Heard, Service, Talk, argument, finished};

/// How often the side effect of each invocation was carried out.
type Done = Arc<Mutex<BTreeMap<String, u32>>>;

/// A service whose handler carries out one side effect, has it stored, and then waits until it is let go.
struct Steps {
    service: Service,
    done: Done,
    let_go: Arc<AtomicBool>,
}

impl Steps {
    async fn start() -> Self {
        let (done, let_go) = (Done::default(), Arc::new(AtomicBool::new(false)));
        let (counts, free) = (Arc::clone(&done), Arc::clone(&let_go));
        let services = json!([
            { "name": "Steps", "ty": "SERVICE", "handlers": [{ "name": "run" }] },
            { "name": "Obj", "ty": "VIRTUAL_OBJECT", "handlers": [{ "name": "run" }] },
        ]);
        let service = Service::start(services, move |talk| {
            step(talk, Arc::clone(&counts), Arc::clone(&free))
        });
        Self {
            service: service.await,
            done,
            let_go,
        }
    }

    fn count(&self) -> usize {
        self.done.lock().unwrap().len()
    }

    /// Waits until so many side effects were carried out.
    async fn reached(&self, count: usize) {
        let begun = Instant::now();
        while self.count() < count {
            assert!(begun.elapsed() < PATIENCE, "{} of {count}", self.count());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn let_go(&self) {
        self.let_go.store(true, Ordering::SeqCst);
    }

    fn each_once(&self) {
        let done = self.done.lock().unwrap();
        let more: Vec<_> = done.iter().filter(|(_, times)| **times != 1).collect();
        assert!(more.is_empty(), "{more:?}");
    }
}

async fn step(mut talk: Talk, done: Done, let_go: Arc<AtomicBool>) {
    let (start, entries) = talk.replay().await;
    let argument = argument(&entries);
    talk.accept();
    let stored = entries
        .iter()
        .any(|entry| entry.ty == MessageType::RUN_NOTIFICATION);
    if !stored {
        if !entries.iter().any(|entry| entry.ty == MessageType::RUN_COMMAND) {
            let run = RunCommand {
                result_completion_id: 1,
                name: "effect".to_owned(),
            };
            talk.say(MessageType::RUN_COMMAND, &run);
        }
        let proposal = ProposeRunCompletion {
            result_completion_id: 1,
            result: Some(RunProposal::Value("done".into())),
        };
        talk.say(MessageType::PROPOSE_RUN_COMPLETION, &proposal);
        match talk.hear().await {
            Heard::Frame(frame) if frame.ty == MessageType::RUN_NOTIFICATION => {}
            _ => return,
        }
        *done.lock().unwrap().entry(start.debug_id).or_default() += 1;
    }
    while !let_go.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    talk.raw(finished(&format!("did {argument}")));
    talk.close();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_in_flight_at_a_sigterm_are_told_and_end_once_after_the_next_start() {
    let (data, steps) = (tempfile::tempdir().unwrap(), Steps::start().await);
    let server = Arc::new(Server::start(data.path(), &[]));
    assert_eq!(server.register(&steps.service.url).await.status, 201);
    let calls: Vec<_> = (0..20)
        .map(|n| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { call(&server, n).await })
        })
        .collect();
    let sent = server.send("/Obj/k/run", "sent").await;
    steps.reached(21).await;
    server.signal_term();
    for call in calls {
        let answer = call.await.unwrap();
        assert!(
            matches!(answer.status, 0 | 503),
            "{} {}",
            answer.status,
            answer.text()
        );
        if answer.status == 503 {
            assert_eq!(answer.header("retry-after"), Some("1"));
            assert!(answer.text().contains("stopping"), "{}", answer.text());
        }
    }
    let status = Arc::into_inner(server).unwrap().terminate();
    assert_eq!(status.code(), Some(0));

    let server = Server::start(data.path(), &[]);
    steps.let_go();
    for n in 0..20 {
        let answer = call(&server, n).await;
        assert_eq!((answer.status, answer.text()), (200, format!("did {n}")));
    }
    assert_eq!(server.attach(&sent).await.text(), "did sent");
    assert_eq!(steps.count(), 21);
    steps.each_once();
}

async fn call(server: &Server, n: u32) -> Answer {
    let key = format!("key-{n}");
    let headers = [("idempotency-key", key.as_str())];
    server
        .call("POST", "/Steps/run", &headers, n.to_string().as_bytes())
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_goes_on_where_it_was_again_and_again() {
    let (data, steps) = (tempfile::tempdir().unwrap(), Steps::start().await);
    let mut ids = Vec::new();
    for round in 0..4 {
        let server = Server::start(data.path(), &[]);
        if round == 0 {
            assert_eq!(server.register(&steps.service.url).await.status, 201);
        }
        for n in 0..5 {
            ids.push((
                format!("{round}-{n}"),
                server.send("/Steps/run", &format!("{round}-{n}")).await,
            ));
        }
        if round == 0 {
            steps.reached(ids.len()).await;
        }
        server.kill();
    }
    let server = Server::start(data.path(), &[]);
    steps.let_go();
    for (name, id) in &ids {
        assert_eq!(server.attach(id).await.text(), format!("did {name}"));
    }
    steps.each_once();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_clients_that_hang_on() {
    let (data, steps) = (tempfile::tempdir().unwrap(), Steps::start().await);
    let server = Server::start(data.path(), &[]);
    assert_eq!(server.register(&steps.service.url).await.status, 201);
    use std::io::Write;
    let mut hanging = Vec::new();
    for address in [&server.ingress, &server.admin] {
        for request in [
            "",
            "POST /Ste",
            "POST /Steps/run HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc",
        ] {
            let mut client = std::net::TcpStream::connect(address).unwrap();
            client.write_all(request.as_bytes()).unwrap();
            hanging.push(client);
        }
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.terminate().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_never_share_a_data_directory() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let (code, said) = refused(data.path());
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another server uses the data directory"), "{said}");
    assert_eq!(server.terminate().code(), Some(0));
    assert_eq!(Server::start(data.path(), &[]).terminate().code(), Some(0));
}

/// Makes a data directory, changes it, and expects that the next start says this and leaves.
fn check(change: impl Fn(&Path), message: &str) {
    let data = tempfile::tempdir().unwrap();
    assert_eq!(Server::start(data.path(), &[]).terminate().code(), Some(0));
    change(data.path());
    let (code, said) = refused(data.path());
    assert_eq!(code, Some(1), "{message}: {said}");
    assert!(said.contains(message), "{message}: {said}");
    assert!(!said.contains("panicked"), "{said}");
}

fn rewrite(path: &Path, change: impl Fn(&mut Vec<u8>)) {
    let mut bytes = std::fs::read(path).unwrap();
    change(&mut bytes);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_data_directory_that_is_not_ours_or_not_whole_is_refused_with_the_reason() {
    let foreign = tempfile::tempdir().unwrap();
    std::fs::write(foreign.path().join("thesis.tex"), "x").unwrap();
    let (code, said) = refused(foreign.path());
    assert_eq!(code, Some(1));
    assert!(said.contains("not a data directory of Everspan"), "{said}");

    let format = |dir: &Path| std::fs::write(dir.join("everspan.json"), r#"{"format": 9}"#).unwrap();
    check(format, "has format 9");
    check(
        |dir| std::fs::write(dir.join("everspan.json"), "{").unwrap(),
        "everspan.json",
    );
    check(
        |dir| std::fs::write(dir.join("deployments.json"), "[]").unwrap(),
        "deployments.json",
    );
    check(
        |dir| std::fs::remove_file(dir.join("everspan.json")).unwrap(),
        "not a data directory",
    );
    check(
        |dir| std::fs::remove_dir_all(dir.join("log")).unwrap(),
        "log is missing",
    );
    let first = "log/00000000000000000001.wal";
    let lose_partition = |dir: &Path| {
        std::fs::remove_dir_all(dir.join("state/partition-0001")).unwrap();
        std::fs::remove_file(dir.join(first)).unwrap();
    };
    check(lose_partition, "partition-0001");
    check(
        |dir| std::fs::remove_file(dir.join(first)).unwrap(),
        "log files are missing",
    );
    check(
        |dir| rewrite(&dir.join(first), |bytes| bytes[8] = 99),
        "segment header",
    );
    check(|dir| rewrite(&dir.join(first), |bytes| bytes[60] ^= 1), "damaged");
    check(
        |dir| std::fs::write(dir.join("log/notes.txt"), "x").unwrap(),
        "notes.txt",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_requests_and_loses_nothing() {
    let Some(disk) = SmallDisk::mount(96) else {
        eprintln!("skipped: this user may not mount a small disk");
        return;
    };
    let steps = Steps::start().await;
    steps.let_go();
    let server = Arc::new(Server::start(
        &disk.path().join("data"),
        &[("STATE__MIN_FREE_DISK", "2MiB")],
    ));
    assert_eq!(server.register(&steps.service.url).await.status, 201);
    assert_eq!(server.post("/Steps/run", "before").await.text(), "did before");
    let before = server.send("/Steps/run", "before").await;
    assert_eq!(server.attach(&before).await.status, 200);

    disk.fill();
    // Those that come before the server has noticed wait for space; later ones are refused.
    let early: Vec<_> = (0..12)
        .map(|n| {
            let server = Arc::clone(&server);
            tokio::spawn(async move {
                let body = format!("{n}-{}", "x".repeat(200_000));
                server.post("/Steps/run", &body).await
            })
        })
        .collect();
    let begun = Instant::now();
    let refused = loop {
        let answer = tokio::time::timeout(Duration::from_secs(1), server.post("/Steps/run", "now")).await;
        match answer {
            Ok(answer) if answer.status == 503 => break answer,
            _ => assert!(begun.elapsed() < PATIENCE, "the full disk is not noticed"),
        }
    };
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert!(refused.text().contains("disk"), "{}", refused.text());
    let health = world::http::request(&server.admin, "GET", "/health", &[], b"").await;
    assert_eq!(health.status, 200);

    disk.free();
    let begun = Instant::now();
    while server.post("/Steps/run", "after").await.status != 200 {
        assert!(begun.elapsed() < PATIENCE, "space is not noticed");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for call in early {
        let answer = call.await.unwrap();
        assert!(matches!(answer.status, 200 | 503), "{}", answer.status);
    }
    steps.each_once();

    disk.fill();
    let server = Arc::into_inner(server).unwrap();
    assert_eq!(server.terminate().code(), Some(0), "a stop on a full disk");
    disk.free();
    let server = Server::start(&disk.path().join("data"), &[("STATE__MIN_FREE_DISK", "2MiB")]);
    assert_eq!(server.attach(&before).await.text(), "did before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_on_a_full_disk_ends_even_when_more_waits_than_the_log_takes() {
    let Some(disk) = SmallDisk::mount(48) else {
        eprintln!("skipped: this user may not mount a small disk");
        return;
    };
    let (data, steps) = (disk.path().join("data"), Steps::start().await);
    steps.let_go();
    let settings = [("STATE__MIN_FREE_DISK", "0"), ("SHUTDOWN_TIMEOUT", "3s")];
    let server = Arc::new(Server::start(&data, &settings));
    assert_eq!(server.register(&steps.service.url).await.status, 201);
    let before = server.send("/Steps/run", "before").await;
    assert_eq!(server.attach(&before).await.text(), "did before");

    disk.fill();
    let calls: Vec<_> = (0..6)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.post("/Steps/run", &"x".repeat(14 << 20)).await.status })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(1000)).await;
    server.signal_term();
    for call in calls {
        assert!(matches!(call.await.unwrap(), 0 | 503));
    }
    let status = Arc::into_inner(server).unwrap().terminate();
    assert_eq!(status.code(), Some(0));

    disk.free();
    let server = Server::start(&data, &settings);
    assert_eq!(server.attach(&before).await.text(), "did before");
    assert_eq!(server.post("/Steps/run", "after").await.text(), "did after");
}
