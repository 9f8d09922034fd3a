//! The story: four calls, told in plain words, each with its trace.

use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use super::service::SIGN_UP_STEPS;
use super::stage::Stage;
use super::tree;
use crate::cli::DemoArgs;
use crate::run::client::{Client, ClientError};
use crate::run::screen::{self, Paint, duration, one_line};

const CALL_TIMEOUT: Duration = Duration::from_secs(15);
const TRACE_TIMEOUT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(10);

/// Why the demo does not go on, in words.
#[derive(Debug)]
pub(crate) struct DemoError(String);

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! becomes_demo_error {
    ($($error:ty),*) => {
        $(impl From<$error> for DemoError {
            fn from(error: $error) -> Self {
                Self(error.to_string())
            }
        })*
    };
}

becomes_demo_error!(
    String,
    std::io::Error,
    ClientError,
    crate::server::ServerError,
    tokio::task::JoinError
);

/// Plays the story. With `--exit` it ends there, else it stays up until `stop` completes.
pub(crate) async fn run(args: &DemoArgs, stop: impl Future<Output = ()>) -> Result<(), DemoError> {
    let teller = Teller {
        paint: Paint::for_stdout(args.no_color),
        width: screen::width(),
    };
    tokio::pin!(stop);
    let played = tokio::select! {
        played = play(args, &teller) => played?,
        () = &mut stop => return Ok(()),
    };
    if !args.exit {
        teller.what_next(&played)?;
        stop.await;
        teller.say("\nStopping; the demo's data is removed.\n")?;
    }
    played.strike().await;
    Ok(())
}

async fn play(args: &DemoArgs, teller: &Teller) -> Result<Stage, DemoError> {
    let begun = Instant::now();
    teller.say(
        "Everspan demo: a server, two small services, four calls and their traces. All of it is temporary.\n",
    )?;
    let stage = Stage::set(args.port_base).await?;
    teller.introduce(&stage, begun.elapsed())?;
    greet(&stage, teller).await?;
    flaky(&stage, teller).await?;
    remind(&stage, teller).await?;
    sign_up(stage, teller).await
}

async fn greet(stage: &Stage, teller: &Teller) -> Result<(), DemoError> {
    teller.headline(
        "1. A call that calls another service",
        "greet runs a step, then asks Counter to add one.",
    )?;
    call_and_show(stage, teller, "greet").await
}

async fn flaky(stage: &Stage, teller: &Teller) -> Result<(), DemoError> {
    teller.headline(
        "2. A step that fails twice",
        "The mail server is busy. The runtime tries again, waiting longer each time; the caller just waits.",
    )?;
    call_and_show(stage, teller, "flaky").await
}

async fn remind(stage: &Stage, teller: &Teller) -> Result<(), DemoError> {
    teller.headline(
        "3. A sleep of 1.5 s that costs nothing",
        "After 300 ms of silence the attempt suspends: no connection, no memory in the service. The timer resumes it.",
    )?;
    call_and_show(stage, teller, "remind").await
}

async fn call_and_show(stage: &Stage, teller: &Teller, handler: &str) -> Result<(), DemoError> {
    teller.command(&stage.ingress, handler)?;
    let called = call(&stage.ingress, handler).await?;
    teller.answer(&called)?;
    teller.trace(stage, &called.id).await
}

/// The services are killed while the second of three steps runs.
async fn sign_up(stage: Stage, teller: &Teller) -> Result<Stage, DemoError> {
    teller.headline(
        "4. A crash in the middle",
        "signUp has three steps. During the second the process of the services gets a kill -9.",
    )?;
    teller.command(&stage.ingress, "signUp")?;
    let ingress = stage.ingress.clone();
    let calling = tokio::spawn(async move { call(&ingress, "signUp").await });
    second_step_runs(&stage.admin).await?;
    let (stage, killed, started) = stage.crash_services().await?;
    teller.say(&format!(
        "  {}, started again as process {started}\n",
        teller.paint.red(format!("kill -9 {killed}"))
    ))?;
    let called = calling.await??;
    teller.answer(&called)?;
    teller.say("  The first step kept its result, no account was created twice; the second was cut off and ran again.\n")?;
    teller.trace(&stage, &called.id).await?;
    Ok(stage)
}

/// Returns when the second step of `signUp` is in its journal.
async fn second_step_runs(admin: &Client) -> Result<(), DemoError> {
    let seen = async {
        loop {
            if in_journal(admin, "Greeter/signUp", SIGN_UP_STEPS[1]).await? {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::time::timeout(CALL_TIMEOUT, seen)
        .await
        .map_err(|_| format!("signUp did not come to its second step within {CALL_TIMEOUT:?}"))?
}

/// Whether a running invocation of `target` has a run of this name in its journal.
async fn in_journal(admin: &Client, target: &str, run: &str) -> Result<bool, DemoError> {
    let list = admin.get("/invocations?status=running").await?;
    let running = list["invocations"].as_array().into_iter().flatten();
    let Some(id) = running
        .into_iter()
        .find(|one| one["target"] == target)
        .and_then(|one| one["id"].as_str())
    else {
        return Ok(false);
    };
    let shown = admin.get(&format!("/invocations/{id}")).await?;
    let journal = shown["journal"].as_array().into_iter().flatten();
    Ok(journal.into_iter().any(|entry| entry["name"] == run))
}

/// A call that has been answered.
struct Called {
    id: String,
    answer: String,
    took: Duration,
}

async fn call(ingress: &Client, handler: &str) -> Result<Called, DemoError> {
    let begun = Instant::now();
    let path = format!("/Greeter/{handler}");
    let name = json!(NAME);
    let asked = ingress.exchange(Method::POST, &path, Some(&name));
    let answer = tokio::time::timeout(CALL_TIMEOUT, asked)
        .await
        .map_err(|_| format!("Greeter/{handler} was not answered within {CALL_TIMEOUT:?}"))??
        .success()?;
    let id = answer.headers.get("x-restate-id").and_then(|id| id.to_str().ok());
    Ok(Called {
        id: id
            .ok_or_else(|| format!("the answer of Greeter/{handler} names no invocation"))?
            .to_owned(),
        answer: readable(&answer.body),
        took: begun.elapsed(),
    })
}

const NAME: &str = "Ada";

/// A JSON text as text, a list of texts as lines.
fn readable(body: &[u8]) -> String {
    let line = |value: &Value| value.as_str().map_or_else(|| value.to_string(), one_line);
    match serde_json::from_slice(body) {
        Ok(Value::Array(items)) => items.iter().map(line).collect::<Vec<_>>().join("\n    "),
        Ok(value) => line(&value),
        Err(_) => one_line(&String::from_utf8_lossy(body)),
    }
}

/// Writes what happens.
struct Teller {
    paint: Paint,
    width: usize,
}

impl Teller {
    fn say(&self, text: &str) -> Result<(), DemoError> {
        Ok(screen::write(text)?)
    }

    fn headline(&self, title: &str, about: &str) -> Result<(), DemoError> {
        self.say(&format!("\n{}\n  {about}\n", self.paint.bold(title)))
    }

    fn introduce(&self, stage: &Stage, took: Duration) -> Result<(), DemoError> {
        self.say(&format!(
            "\n  server     calls at {ingress}, administration at {admin}\n  services   Greeter and Counter, official Rust SDK, process {pid} at {services}\n  collector  OTLP/gRPC at {collector}\n  up after {took}\n",
            ingress = stage.ingress.url(),
            admin = stage.admin.url(),
            pid = stage.services.pid,
            services = stage.services_url(),
            collector = stage.collector.address,
            took = duration(ns(took)),
        ))
    }

    fn command(&self, ingress: &Client, handler: &str) -> Result<(), DemoError> {
        let line = curl(ingress, handler);
        self.say(&format!("  {}\n", self.paint.cyan(format!("$ {line}"))))
    }

    fn answer(&self, called: &Called) -> Result<(), DemoError> {
        self.say(&format!(
            "  {}\n    {}\n",
            self.paint
                .dim(format!("answered after {}:", duration(ns(called.took)))),
            called.answer
        ))
    }

    async fn trace(&self, stage: &Stage, id: &str) -> Result<(), DemoError> {
        match stage.collector.trace_of(id, TRACE_TIMEOUT).await {
            Ok(spans) => self.say(&format!("\n{}", tree::draw(&spans, self.width, self.paint))),
            Err(spans) => {
                self.say(&format!("\n{}", tree::draw(&spans, self.width, self.paint)))?;
                Err(DemoError(format!(
                    "spans of {id} are missing: only {} reached the collector within {TRACE_TIMEOUT:?}",
                    spans.len()
                )))
            }
        }
    }

    fn what_next(&self, stage: &Stage) -> Result<(), DemoError> {
        let admin = stage.admin.url();
        let greet = curl(&stage.ingress, "greet");
        let counter = format!("curl {}/Counter/{NAME}/get", stage.ingress.url());
        self.say(&format!(
            "\n{}\n\
             \x20 call it            {greet}\n\
             \x20                    {counter}\n\
             \x20 look at calls      everspan invocations list --admin-url {admin}\n\
             \x20                    everspan invocations show inv_… --admin-url {admin}\n\
             \x20 add your service   everspan deployments register http://localhost:9080 --admin-url {admin}\n\
             \x20                    (written with any official Restate SDK: https://docs.restate.dev/develop)\n\
             \x20 without the demo   everspan --tracing-endpoint http://localhost:4317\n\
             \x20 all settings       everspan --help, docs/CONFIGURATION.md\n\n\
             {}\n",
            self.paint.bold("The demo stays up. Try next, in another terminal:"),
            self.paint.bold("Ctrl-C ends it."),
        ))
    }
}

fn curl(ingress: &Client, handler: &str) -> String {
    format!("curl {}/Greeter/{handler} --json '\"{NAME}\"'", ingress.url())
}

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
