//! `Counter`: a virtual object with one number per key.

use std::time::Duration;

use restate_sdk::prelude::*;

use crate::world::{Ask, hit};

pub(crate) struct Counter;

const COUNT: &str = "count";

#[object]
impl Counter {
    #[handler]
    async fn add(&self, ctx: ObjectContext<'_>, n: u64) -> HandlerResult<u64> {
        let sum = ctx.get::<u64>(COUNT).await?.unwrap_or(0) + n;
        ctx.set(COUNT, sum);
        Ok(sum)
    }

    #[handler]
    async fn get(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<u64> {
        Ok(ctx.get::<u64>(COUNT).await?.unwrap_or(0))
    }

    /// Sets `a` and `b`, lists the keys, clears `a`.
    #[handler]
    async fn tour(&self, ctx: ObjectContext<'_>) -> HandlerResult<Json<Vec<String>>> {
        ctx.set("a", 1u64);
        ctx.set("b", "two".to_owned());
        let keys = sorted(ctx.get_keys().await?);
        ctx.clear("a");
        Ok(Json(keys))
    }

    #[handler]
    async fn keys(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<Json<Vec<String>>> {
        Ok(Json(sorted(ctx.get_keys().await?)))
    }

    #[handler]
    async fn wipe(&self, ctx: ObjectContext<'_>) -> HandlerResult<()> {
        ctx.clear_all();
        Ok(())
    }

    /// Holds the object's lock for `ms`, after telling the world that it has it.
    #[handler]
    async fn hold(&self, ctx: ObjectContext<'_>, Json(ask): Json<Ask>) -> HandlerResult<String> {
        let Ask { world, id, ms, .. } = ask;
        ctx.run(|| async move { hit(&world, &id, 0).await })
            .name("held")
            .await?;
        ctx.sleep(Duration::from_millis(ms)).await?;
        Ok("held".to_owned())
    }
}

fn sorted(mut keys: Vec<String>) -> Vec<String> {
    keys.sort();
    keys
}
