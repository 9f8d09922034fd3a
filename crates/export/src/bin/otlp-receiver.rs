//! Receives OTLP/gRPC traces and writes each span as a line of JSON, or only counts them.
//!
//! ```sh
//! otlp-receiver --listen 127.0.0.1:4317 --out spans.jsonl
//! ```

#![allow(clippy::print_stdout, reason = "this is a command-line tool")]

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser;
use everspan_export::receiver;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tonic::Status;

/// Receives OTLP/gRPC traces and writes each span as a line of JSON.
#[derive(Parser)]
struct Arguments {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4317")]
    listen: SocketAddr,
    /// The file to append to; standard output when absent.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Only count spans; the count is printed at the end.
    #[arg(long)]
    null: bool,
}

type Output = Box<dyn Write + Send>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let output = open_output(&arguments)?.map(Mutex::new);
    let listener = TcpListener::bind(arguments.listen).await?;
    println!("listening on {}", listener.local_addr()?);
    io::stdout().flush()?;

    let count = Arc::new(AtomicUsize::new(0));
    let take = {
        let count = Arc::clone(&count);
        move |request: ExportTraceServiceRequest| {
            count.fetch_add(receiver::span_count(&request), Ordering::Relaxed);
            output
                .as_ref()
                .map_or(Ok(()), |output| write_lines(output, &request))
        }
    };
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    receiver::serve(listener, take, stop).await?;
    // The reader of the first line may be gone by now.
    writeln!(io::stdout(), "received {} spans", count.load(Ordering::Relaxed)).or(Ok(()))
}

/// `None` when spans are only counted.
fn open_output(arguments: &Arguments) -> io::Result<Option<Output>> {
    match &arguments.out {
        _ if arguments.null => Ok(None),
        Some(path) => Ok(Some(Box::new(
            OpenOptions::new().create(true).append(true).open(path)?,
        ))),
        None => Ok(Some(Box::new(io::stdout()))),
    }
}

/// Whole lines, in one write, so that a reader never sees half a span for long.
fn write_lines(output: &Mutex<Output>, request: &ExportTraceServiceRequest) -> Result<(), Status> {
    let mut lines = Vec::new();
    for span in receiver::json::spans(request, now_ns()) {
        writeln!(lines, "{span}").map_err(|error| Status::internal(error.to_string()))?;
    }
    let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
    output
        .write_all(&lines)
        .and_then(|()| output.flush())
        .map_err(|error| Status::unavailable(error.to_string()))
}

fn now_ns() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}
