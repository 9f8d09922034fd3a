//! A lost disk that comes back from a store that speaks S3. Run by `cargo xtask test --only s3`, which installs the server.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::recovered::restore;
use super::stage::{Stage, add, balance, checkpoint};
use crate::world::child::Process;

/// moto, in a process of its own.
struct S3 {
    _process: Process,
    endpoint: String,
}

impl S3 {
    fn start() -> Self {
        let python = std::env::var_os("EVERSPAN_S3_PYTHON")
            .expect("EVERSPAN_S3_PYTHON names a Python with moto: `cargo xtask test --only s3` sets it");
        let mut command = Command::new(python);
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/s3/serve.py"))
            .arg("bucket")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut process = Process::start(&mut command);
        let endpoint = process.stdout().next().expect("it says where it is");
        assert!(endpoint.starts_with("http://"), "{endpoint}");
        Self {
            _process: process,
            endpoint,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a server that speaks S3: cargo xtask test --only s3"]
async fn a_lost_disk_comes_back_from_s3() {
    let s3 = S3::start();
    let options = format!(
        "endpoint={},region=us-east-1,access_key_id=test,secret_access_key=test,allow_http=true",
        s3.endpoint
    );
    let stage = Stage::new()
        .await
        .with("CHECKPOINT__DESTINATION", "s3://bucket/prod")
        .with("CHECKPOINT__INLINE_SIZE", "0")
        .with("CHECKPOINT__OPTIONS", &options);
    let server = stage.registered().await;
    assert_eq!(add(&server, "a", 40).await, 40);
    checkpoint(&server).await;
    server.kill();
    fs::remove_dir_all(stage.data()).unwrap();
    let set: Vec<String> = options
        .split(',')
        .map(|pair| format!("--set=checkpoint.options.{pair}"))
        .collect();
    let set: Vec<&str> = set.iter().map(String::as_str).collect();
    let (code, said) = restore(Path::new("s3://bucket/prod"), &stage.data(), &set);
    assert_eq!(code, Some(0), "{said}");
    let server = stage.server();
    assert_eq!(balance(&server, "a").await, 40);
    assert_eq!(checkpoint(&server).await["checkpointId"], 2);
}
