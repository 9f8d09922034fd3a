//! A shop whose spans hang below the attempts of Everspan. See README.md.

mod telemetry;

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use opentelemetry::KeyValue;
use opentelemetry::trace::{FutureExt, Span, TraceContextExt, Tracer};
use restate_sdk::prelude::*;
use telemetry::{TracedEndpoint, run, tracer};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

struct Shop;

#[service]
impl Shop {
    #[handler]
    async fn order(&self, ctx: Context<'_>, item: String) -> Result<String, HandlerError> {
        // A span of your own: its parent is the attempt that runs now.
        let mut basket = tracer().start("check the basket");
        basket.set_attribute(KeyValue::new("shop.item", item.clone()));
        basket.end();
        let price = run!(ctx, "look up the price", look_up(item.clone())).await?;
        ctx.object_client::<StockClient>(&item).take(1).call().await?;
        run!(ctx, "charge the card", charge(ctx.invocation_id().to_owned())).await?;
        Ok(format!("{item} for {price}"))
    }
}

struct Stock;

#[object]
impl Stock {
    #[handler]
    async fn take(&self, ctx: ObjectContext<'_>, count: u64) -> Result<u64, TerminalError> {
        let taken = ctx.get::<u64>("taken").await?.unwrap_or(0) + count;
        ctx.set("taken", taken);
        Ok(taken)
    }
}

async fn look_up(item: String) -> HandlerResult<u64> {
    // Within a run, the run's span is the parent.
    let list = opentelemetry::Context::current_with_span(tracer().start("read the price list"));
    tokio::time::sleep(Duration::from_millis(30))
        .with_context(list)
        .await;
    Ok(item.len() as u64 * 7)
}

/// The bank refuses the first try of every order, so that there is a retry to look at.
async fn charge(invocation: String) -> HandlerResult<()> {
    tokio::time::sleep(Duration::from_millis(60)).await;
    static REFUSED: Mutex<Option<HashSet<String>>> = Mutex::new(None);
    let mut refused = REFUSED.lock().expect("nobody panics while holding it");
    let refused = refused.get_or_insert_default();
    if refused.remove(&invocation) {
        return Ok(());
    }
    refused.insert(invocation);
    Err(std::io::Error::other("the bank does not answer").into())
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let provider = telemetry::start();
    let endpoint = TracedEndpoint(Endpoint::builder().bind(Shop).bind(Stock).build());
    let port = std::env::var("PORT").unwrap_or_else(|_| "9080".to_owned());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    println!("listening on http://127.0.0.1:{port}");
    let mut stop = signal(SignalKind::terminate())?;
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            _ = stop.recv() => break,
            _ = tokio::signal::ctrl_c() => break,
        };
        let connection = http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), endpoint.clone());
        tokio::spawn(connection);
    }
    provider.shutdown().map_err(std::io::Error::other)
}
