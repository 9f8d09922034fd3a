//! A server that speaks S3, in a process of its own.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use everspan_state::store::{CheckpointStore, Retry, StoreOptions};

pub(crate) struct Server {
    process: Child,
    endpoint: String,
}

impl Server {
    pub(crate) fn start() -> Self {
        let python = std::env::var_os("EVERSPAN_S3_PYTHON")
            .expect("EVERSPAN_S3_PYTHON names a Python with moto: `cargo xtask test --only s3` sets it");
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/s3/serve.py");
        let mut process = Command::new(python)
            .arg(script)
            .arg("bucket")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the Python of EVERSPAN_S3_PYTHON starts");
        let mut endpoint = String::new();
        let output = process.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut endpoint).unwrap();
        assert!(endpoint.starts_with("http://"), "the server says where it is");
        Self {
            process,
            endpoint: endpoint.trim().to_owned(),
        }
    }

    /// The store at `place`, with what a user has in the environment and one setting of the configuration.
    pub(crate) fn store(&self, place: &str) -> CheckpointStore {
        let environment = [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_PROFILE", "not a setting of a store"),
            ("HOME", "/root"),
        ];
        let environment = environment.map(|(key, value)| (key.to_owned(), value.to_owned()));
        let mut settings = StoreOptions::settings_of_environment(environment);
        assert_eq!(settings.len(), 3, "{settings:?}");
        settings.push(("endpoint".to_owned(), self.endpoint.clone()));
        let options = StoreOptions {
            settings,
            retry: Retry {
                tries_max: 2,
                ..Retry::default()
            },
            ..StoreOptions::default()
        };
        CheckpointStore::open(place, options).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
