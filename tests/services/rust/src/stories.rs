//! `Stories`: one handler for each thing an SDK can ask of the server.

use std::time::Duration;

use restate_sdk::prelude::*;

use crate::counter::CounterClient;
use crate::greeter::GreeterClient;
use crate::world::{Ask, hit, tell};

pub(crate) struct Stories;

#[service]
impl Stories {
    /// `n` runs; each counts itself outside and stores the count it was given.
    #[handler]
    async fn runs(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<Json<Vec<u64>>> {
        let mut counts = Vec::new();
        for step in 0..ask.n {
            let Ask { world, id, .. } = ask.clone();
            let run = ctx.run(|| async move { hit(&world, &id, step).await });
            counts.push(run.name(format!("step-{step}")).await?);
        }
        Ok(Json(counts))
    }

    /// `n` rounds of: count outside, sleep `ms`, add 1 to the counter `key`.
    #[handler]
    async fn journey(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<Json<Vec<u64>>> {
        let mut counts = Vec::new();
        for step in 0..ask.n {
            let Ask { world, id, .. } = ask.clone();
            counts.push(ctx.run(|| async move { hit(&world, &id, step).await }).await?);
            ctx.sleep(Duration::from_millis(ask.ms)).await?;
            ctx.object_client::<CounterClient>(ask.key.clone())
                .add(1)
                .call()
                .await?;
        }
        Ok(Json(counts))
    }

    #[handler]
    async fn sleep(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<u64> {
        ctx.sleep(Duration::from_millis(ask.ms)).await?;
        Ok(ask.ms)
    }

    #[handler]
    async fn call(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<u64> {
        Ok(ctx
            .object_client::<CounterClient>(ask.key)
            .add(ask.n)
            .call()
            .await?)
    }

    /// Sends and returns the invocation id of what was sent.
    #[handler]
    async fn send(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<String> {
        let handle = ctx
            .object_client::<CounterClient>(ask.key)
            .add(ask.n)
            .send()
            .await?;
        Ok(handle.invocation_id().to_owned())
    }

    #[handler(name = "sendDelayed")]
    async fn send_delayed(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<String> {
        let delay = Duration::from_millis(ask.ms);
        let handle = ctx
            .object_client::<CounterClient>(ask.key)
            .add(ask.n)
            .send_after(delay)
            .await?;
        Ok(handle.invocation_id().to_owned())
    }

    #[handler]
    async fn fanout(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<Json<Vec<u64>>> {
        let mut calls = DurableFuturesUnordered::new();
        for key in &ask.keys {
            calls.push(ctx.object_client::<CounterClient>(key.clone()).add(ask.n).call());
        }
        let mut sums = vec![0; ask.keys.len()];
        while let Some((index, sum)) = calls.next().await? {
            sums[index] = sum?;
        }
        Ok(Json(sums))
    }

    /// Hands an awakeable's id outside and waits for its value.
    #[handler]
    async fn awakeable(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<String> {
        let (awakeable, value) = ctx.awakeable::<String>();
        let Ask { world, id, .. } = ask;
        ctx.run(|| async move { tell(&world, &id, &awakeable).await })
            .name("tell")
            .await?;
        Ok(value.await?)
    }

    /// Like `awakeable`, and a rejection becomes the result `rejected: <reason>`.
    #[handler(name = "awakeableCaught")]
    async fn awakeable_caught(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<String> {
        let (awakeable, value) = ctx.awakeable::<String>();
        let Ask { world, id, .. } = ask;
        ctx.run(|| async move { tell(&world, &id, &awakeable).await })
            .name("tell")
            .await?;
        match value.await {
            Ok(value) => Ok(value),
            Err(error) => Ok(format!("rejected: {}", error.message())),
        }
    }

    /// Resolves the awakeable `target` from inside a handler.
    #[handler]
    async fn resolve(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<()> {
        ctx.resolve_awakeable(&ask.target, ask.value);
        Ok(())
    }

    /// Waits for the signal `go`, after handing its own invocation id outside.
    #[handler(name = "awaitSignal")]
    async fn await_signal(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<String> {
        let own_id = ctx.invocation_id().to_owned();
        let Ask { world, id, .. } = ask;
        ctx.run(|| async move { tell(&world, &id, &own_id).await })
            .name("tell")
            .await?;
        Ok(ctx.signal::<String>("go").await?)
    }

    #[handler(name = "sendSignal")]
    async fn send_signal(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<()> {
        ctx.invocation_handle(ask.target).signal("go").resolve(ask.value);
        Ok(())
    }

    /// What `Greeter/headers` says when it is called by a handler.
    #[handler]
    async fn relay(&self, ctx: Context<'_>, Json(_ask): Json<Ask>) -> HandlerResult<Json<serde_json::Value>> {
        Ok(ctx.service_client::<GreeterClient>().headers().call().await?)
    }

    /// A sleep of `ms` against an awakeable that nobody resolves.
    #[handler]
    async fn race(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<String> {
        let (_id, never) = ctx.awakeable::<String>();
        restate_sdk::select! {
            value = never => { Ok(value?) },
            slept = ctx.sleep(Duration::from_millis(ask.ms)) => { slept?; Ok("timeout".to_owned()) }
        }
    }

    /// Fails as a whole, retryably, the first `failures` times; then returns the count.
    #[handler]
    async fn flaky(&self, _ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<u64> {
        count_or_fail(ask).await
    }

    /// One run that fails the first `failures` times, with at most `attempts` tries.
    #[handler(name = "flakyRun")]
    async fn flaky_run(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<u64> {
        let policy = RunRetryPolicy::new()
            .initial_delay(Duration::from_millis(20))
            .exponentiation_factor(1.0)
            .max_attempts(ask.attempts);
        Ok(ctx
            .run(|| count_or_fail(ask))
            .name("flaky")
            .retry_policy(policy)
            .await?)
    }

    #[handler]
    async fn terminal(&self, _ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<()> {
        Err(TerminalError::new_with_code(ask.code, ask.message).into())
    }

    /// Calls `terminal` and returns what it caught, as `<code> <message>`.
    #[handler(name = "catchTerminal")]
    async fn catch_terminal(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<String> {
        match ctx
            .service_client::<StoriesClient>()
            .terminal(Json(ask))
            .call()
            .await
        {
            Ok(()) => Ok("nothing".to_owned()),
            Err(error) => Ok(format!("{} {}", error.code(), error.message())),
        }
    }

    /// Calls `Counter/key/hold`, which keeps the lock for `ms`.
    #[handler(name = "blockOn")]
    async fn block_on(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<String> {
        Ok(ctx
            .object_client::<CounterClient>(ask.key.clone())
            .hold(Json(ask))
            .call()
            .await?)
    }

    /// The result of the invocation `target`, a text.
    #[handler]
    async fn attach(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<String> {
        Ok(ctx.invocation_handle(ask.target).attach::<String>().await?)
    }

    #[handler]
    async fn cancel(&self, ctx: Context<'_>, Json(ask): Json<Ask>) -> HandlerResult<()> {
        ctx.invocation_handle(ask.target).cancel();
        Ok(())
    }
}

async fn count_or_fail(ask: Ask) -> Result<u64, HandlerError> {
    let count = hit(&ask.world, &ask.id, 0).await?;
    if count <= ask.failures {
        return Err(HandlerError::from(format!(
            "flaky failure {count} of {}",
            ask.failures
        )));
    }
    Ok(count)
}
