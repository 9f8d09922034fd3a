//! The services of the demo, with the official Rust SDK, in a process of their own: it is killed in the middle of
//! a call. Started by the demo as `everspan demo-service --port N`; leaves when its stdin ends.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use restate_sdk::prelude::*;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::run::screen;

/// The hidden command that runs the services.
pub const SERVICE_COMMAND: &str = "demo-service";
/// Its only flag.
pub const PORT_FLAG: &str = "--port";

/// How long a step of `signUp` takes: long enough to be caught in the middle.
const STEP: Duration = Duration::from_millis(200);
/// The steps of `signUp`.
pub(super) const SIGN_UP_STEPS: [&str; 3] = ["create the account", "reserve a seat", "send the welcome"];
const REMIND_AFTER: Duration = Duration::from_millis(1500);
/// What `flaky` waits for is busy that many times.
const FAILURES: u32 = 2;

/// Serves until stdin ends. Port 0 takes a free one; the port is written to stdout as a line.
pub fn serve(port: u16) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    match runtime.block_on(listen(port)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("everspan {SERVICE_COMMAND}: {error}");
    ExitCode::FAILURE
}

async fn listen(port: u16) -> std::io::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let listener = TcpListener::bind(address)
        .await
        .map_err(|error| std::io::Error::new(error.kind(), format!("{address}: {error}")))?;
    screen::write(&format!("{}\n", listener.local_addr()?.port()))?;
    let endpoint = Endpoint::builder().bind(Greeter::default()).bind(Counter).build();
    let server = HttpServer::new(endpoint).serve_with_cancel(listener, std::future::pending::<()>());
    tokio::select! {
        () = server => {}
        _ = parent_gone() => {}
    }
    Ok(())
}

/// Completes when stdin ends: the demo holds its other end.
fn parent_gone() -> oneshot::Receiver<()> {
    let (gone, wait) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let ended = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        drop((ended, gone));
    });
    wait
}

#[derive(Default)]
struct Greeter {
    /// How often the mail server has been busy, by invocation.
    busy: Mutex<BTreeMap<String, u32>>,
}

#[service]
impl Greeter {
    /// A step and a call of another service.
    #[handler]
    async fn greet(&self, ctx: Context<'_>, name: String) -> HandlerResult<String> {
        let greeting: String = ctx
            .run(|| async { Ok("Hello".to_owned()) })
            .name("choose a greeting")
            .await?;
        let visit = ctx
            .object_client::<CounterClient>(name.clone())
            .add(1)
            .call()
            .await?;
        Ok(format!("{greeting} {name}, this is visit number {visit}"))
    }

    /// A step that fails twice.
    #[handler]
    async fn flaky(&self, ctx: Context<'_>, name: String) -> HandlerResult<String> {
        let nth = self.next_try(ctx.invocation_id());
        ctx.run(move || async move { if nth <= FAILURES { Err(busy(nth)) } else { Ok(()) } })
            .name("send the mail")
            .await?;
        Ok(format!("mail to {name} sent at try {nth}"))
    }

    /// Sleeps without holding anything.
    #[handler(inactivity_timeout = "300ms")]
    async fn remind(&self, ctx: Context<'_>, name: String) -> HandlerResult<String> {
        ctx.sleep(REMIND_AFTER).await?;
        Ok(format!("{name}, this is your reminder"))
    }

    /// Three steps of some duration; each says which process did it.
    #[handler(name = "signUp")]
    async fn sign_up(&self, ctx: Context<'_>, name: String) -> HandlerResult<Json<Vec<String>>> {
        let mut done = vec![format!("sign-up of {name}")];
        for step in SIGN_UP_STEPS {
            done.push(ctx.run(move || slow(step)).name(step).await?);
        }
        Ok(Json(done))
    }
}

impl Greeter {
    fn next_try(&self, invocation: &str) -> u32 {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = busy.entry(invocation.to_owned()).or_default();
        *tries += 1;
        *tries
    }
}

fn busy(nth: u32) -> HandlerError {
    HandlerError::from(format!("the mail server is busy, try {nth}"))
}

async fn slow(step: &str) -> Result<String, HandlerError> {
    tokio::time::sleep(STEP).await;
    Ok(format!("{step}: done by process {}", std::process::id()))
}

struct Counter;

#[object]
impl Counter {
    /// Adds and returns the sum.
    #[handler]
    async fn add(&self, ctx: ObjectContext<'_>, n: u64) -> HandlerResult<u64> {
        let total = ctx.get::<u64>("total").await?.unwrap_or(0) + n;
        ctx.set("total", total);
        Ok(total)
    }

    /// The sum.
    #[handler]
    async fn get(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<u64> {
        Ok(ctx.get::<u64>("total").await?.unwrap_or(0))
    }
}
