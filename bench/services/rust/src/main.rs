//! The service behind `bench/invocations.py`: as little work as a handler can do,
//! so that what is measured is the runtime that calls it.
//!
//! Listens on 127.0.0.1 at `PORT`. `Greeter/greet` answers at once, `Greeter/runs`
//! takes three durable steps, `Counter/{key}/add` reads and writes keyed state.

use restate_sdk::prelude::*;
use std::net::{Ipv4Addr, SocketAddr};

struct Greeter;

#[restate_sdk::service]
impl Greeter {
    #[handler]
    async fn greet(&self, _: Context<'_>, name: String) -> HandlerResult<String> {
        Ok(format!("Hello {name}"))
    }

    #[handler]
    async fn runs(&self, ctx: Context<'_>, start: u64) -> HandlerResult<u64> {
        let one: u64 = ctx.run(|| async { Ok(1) }).name("one").await?;
        let two: u64 = ctx.run(|| async { Ok(2) }).name("two").await?;
        let three: u64 = ctx.run(|| async { Ok(3) }).name("three").await?;
        Ok(start + one + two + three)
    }
}

struct Counter;

#[restate_sdk::object]
impl Counter {
    #[handler]
    async fn add(&self, ctx: ObjectContext<'_>, amount: u64) -> HandlerResult<u64> {
        let total = ctx.get::<u64>("total").await?.unwrap_or(0) + amount;
        ctx.set("total", total);
        Ok(total)
    }
}

#[tokio::main]
async fn main() {
    let port = std::env::var("PORT").expect("PORT is set");
    let port: u16 = port.parse().expect("PORT is a port number");
    let endpoint = Endpoint::builder().bind(Greeter).bind(Counter).build();
    HttpServer::new(endpoint)
        .listen_and_serve(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .await;
}
