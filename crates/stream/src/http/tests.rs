use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use everspan_export::Reporters;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::{Endpoint, listen, serve};
use crate::api::environment::StreamExecutionEnvironment;
use crate::connectors::discard::DiscardingSink;
use crate::connectors::generator::GeneratorSource;
use crate::runtime::JobHandle;
use crate::runtime::options::JobOptions;

/// A job that does not end by itself, and its endpoint.
struct Served {
    handle: JobHandle,
    address: SocketAddr,
    _dir: tempfile::TempDir,
    _runtime: Runtime,
}

fn served() -> Served {
    let dir = tempfile::tempdir().unwrap();
    let env = StreamExecutionEnvironment::new();
    let numbers = GeneratorSource::new(u64::MAX, |number| number).per_second(1000);
    env.from_source(numbers, "num\"bers")
        .key_by(|number| number % 7)
        .map_with_state("sum", |_, sum: &mut u64, number| {
            *sum = sum.wrapping_add(number);
            *sum
        })
        .sink_to(DiscardingSink);
    let options = JobOptions {
        checkpoint_dir: Some(dir.path().display().to_string()),
        ..JobOptions::default()
    };
    let handle = env.start("numbers", options).unwrap();
    let runtime = Runtime::new().unwrap();
    let listener = runtime
        .block_on(listen("127.0.0.1:0".parse().unwrap(), false))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let endpoint = Endpoint {
        name: "numbers".to_owned(),
        control: handle.control(),
        reporters: Arc::new(Reporters::default()),
    };
    runtime.spawn(serve(listener, Arc::new(endpoint)));
    Served {
        handle,
        address,
        _dir: dir,
        _runtime: runtime,
    }
}

impl Served {
    /// Status and body.
    fn ask(&self, request: &str, headers: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let text = format!(
            "{request} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{headers}\r\n",
            self.address
        );
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    fn json(&self, request: &str) -> (u16, Value) {
        let (status, body) = self.ask(request, "");
        (status, serde_json::from_str(&body).unwrap())
    }

    fn until_it_runs(&self) {
        loop {
            let status = self.json("GET /status").1;
            let read = &status["tasks"][0]["subtasks"][0]["recordsIn"];
            if status["state"] == "RUNNING" && read.as_u64().is_some_and(|read| read > 0) {
                return;
            }
            assert!(!self.handle.has_ended(), "{status}");
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_running_job_tells_of_itself_makes_savepoints_and_is_stopped_with_one() {
    let served = served();
    served.until_it_runs();
    let (status, savepoint) = served.json("POST /savepoint");
    assert_eq!(
        (status, &savepoint["savepoint"]),
        (200, &Value::from(1)),
        "{savepoint}"
    );

    let (_, checkpoints) = served.json("GET /checkpoints");
    assert_eq!(checkpoints["counts"]["completed"], 1, "{checkpoints}");
    assert_eq!(
        checkpoints["latestCompleted"]["isSavepoint"], true,
        "{checkpoints}"
    );
    let (_, metrics) = served.ask("GET /metrics", "");
    for line in [
        "everspan_job_state{state=\"RUNNING\"} 1",
        "everspan_job_checkpoints_total{status=\"COMPLETED\"} 1",
        "everspan_job_last_checkpoint_id 1",
        "# TYPE everspan_job_busy_seconds_total counter",
        "# TYPE everspan_job_back_pressured_seconds_total counter",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line}\n{metrics}");
    }
    assert!(metrics.contains("{task=\"Source: num\\\"bers"), "{metrics}");

    assert_eq!(served.json("POST /stop-with-savepoint").0, 200);
    let Served { handle, .. } = served;
    assert!(!handle.wait().unwrap().cancelled);
}

#[test]
fn a_job_is_cancelled_and_what_is_no_request_of_ours_is_refused() {
    let served = served();
    served.until_it_runs();
    for (request, headers, status) in [
        ("GET /nowhere", "", 404),
        ("GET /cancel", "", 405),
        ("POST /status", "", 405),
        ("POST /cancel", "Origin: http://evil.example\r\n", 403),
        ("GET /", "", 200),
        ("POST /cancel", "", 202),
    ] {
        assert_eq!(served.ask(request, headers).0, status, "{request} {headers}");
    }
    let Served { handle, .. } = served;
    assert!(handle.wait().unwrap().cancelled);
}
