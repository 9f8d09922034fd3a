//! Receives OTLP traces and writes each span as a line of JSON, or only counts them.
//!
//! ```sh
//! otlp-receiver --listen 127.0.0.1:4317 --out spans.jsonl
//! ```
//!
//! It can be slow, refuse, and take in part, to see how a sender bears it.

#![allow(clippy::print_stdout, reason = "this is a command-line tool")]

mod behaviour;
mod null;
mod output;
mod tally;
mod tls;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::serve::ListenerExt;
use clap::Parser;
use everspan_export::receiver::{self, Answer};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

use behaviour::Behaviour;
use output::Output;
use tally::Tally;

/// How long those who are connected may take to leave.
const GRACE: Duration = Duration::from_secs(1);

/// Receives OTLP traces over gRPC and HTTP on one port and writes each span as a line of JSON.
#[derive(Parser)]
struct Arguments {
    /// The address to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:4317")]
    listen: SocketAddr,
    /// The file to append to; standard output when absent.
    #[arg(long)]
    out: Option<PathBuf>,
    /// Take every request over gRPC and only count its spans, at the least cost; the count is printed at the end.
    #[arg(long, conflicts_with_all = ["out", "delay_ms", "refuse_first", "reject_every", "certificate"])]
    null: bool,
    /// Answer each request so late.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay_ms: u64,
    /// Refuse the first requests: UNAVAILABLE with RetryInfo, 429 with Retry-After.
    #[arg(long, value_name = "N", default_value_t = 0)]
    refuse_first: u64,
    /// The wait that a refusal asks for; over HTTP in whole seconds, rounded up.
    #[arg(long, value_name = "MS", default_value_t = 100)]
    retry_after_ms: u64,
    /// Reject every N-th span for good, and take the rest of its request.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    reject_every: Option<u64>,
    /// The certificate to show, in PEM form: speak TLS.
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,
    /// The private key of the certificate.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// Take only clients whose certificate one of these has signed.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    client_ca: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let output = Output::open(arguments.out.as_deref())?;
    let tls = tls::acceptor(&arguments)?;
    let listener = TcpListener::bind(arguments.listen).await?;
    println!("listening on {}", listener.local_addr()?);
    io::stdout().flush()?;

    if arguments.null {
        let spans = Arc::default();
        within_grace(null::serve(
            listener.tap_io(answer_at_once),
            Arc::clone(&spans),
            stopped()?,
        ))
        .await?;
        return said(&format!("received {} spans", spans.load(Ordering::Relaxed)));
    }
    let tally = Arc::new(Tally::default());
    let take = take(&arguments, output, Arc::clone(&tally));
    let served = async {
        match tls {
            None => receiver::serve(listener.tap_io(answer_at_once), take, stopped()?).await,
            Some(acceptor) => {
                let listener = tls::Listener::new(listener, acceptor)?;
                receiver::serve(listener, take, stopped()?).await
            }
        }
    };
    within_grace(served).await?;
    said(&tally.to_string())
}

/// Until it ends by itself, or the stop is overdue.
async fn within_grace(served: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let stop = stopped()?;
    tokio::select! {
        result = served => result,
        () = async {
            stop.await;
            tokio::time::sleep(GRACE).await;
        } => Ok(()),
    }
}

/// The last line; the reader of the first one may be gone by now.
fn said(line: &str) -> Result<(), Box<dyn std::error::Error>> {
    writeln!(io::stdout(), "{line}").or(Ok(()))
}

/// Small answers must not wait for what the client acknowledges late: a large export waits for them.
fn answer_at_once(stream: &mut TcpStream) {
    // Without it the connection is slow, not wrong.
    stream.set_nodelay(true).unwrap_or(());
}

/// What happens to each request.
fn take(
    arguments: &Arguments,
    output: Output,
    tally: Arc<Tally>,
) -> impl Fn(ExportTraceServiceRequest) -> Pending + Clone + Send + Sync + 'static {
    let delay = Duration::from_millis(arguments.delay_ms);
    let behaviour = Arc::new(Behaviour::new(
        arguments.refuse_first,
        Duration::from_millis(arguments.retry_after_ms),
        arguments.reject_every,
    ));
    let output = Arc::new(output);
    move |mut request| {
        let (behaviour, output, tally) = (behaviour.clone(), output.clone(), tally.clone());
        Box::pin(async move {
            tokio::time::sleep(delay).await;
            let answer = behaviour.answer(&mut request);
            if matches!(answer, Answer::Take | Answer::TakeAllBut(_)) {
                if let Err(error) = output.write(&request) {
                    eprintln!("the output cannot be written: {error}");
                    return Answer::NotNow { wait: Duration::ZERO };
                }
                tally.count(&request);
            }
            tally.count_answer(answer);
            answer
        })
    }
}

type Pending = std::pin::Pin<Box<dyn Future<Output = Answer> + Send>>;

/// SIGTERM or SIGINT.
fn stopped() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
