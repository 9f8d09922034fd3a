//! Services with the official SDK: accounts, transfers between them, and one that waits to be told.

#![allow(dead_code, reason = "each test file uses a part of this world")]

use std::sync::{Arc, Mutex};

use restate_sdk::prelude::*;
use tokio::net::TcpListener;

const BALANCE: &str = "balance";

/// The accounts that transfers go around.
pub(crate) const ACCOUNTS: u64 = 16;

struct Account;

#[object]
impl Account {
    /// Adds to the balance, which may fall below zero; returns the new one.
    #[handler]
    async fn add(&self, ctx: ObjectContext<'_>, n: i64) -> HandlerResult<i64> {
        let balance = ctx.get::<i64>(BALANCE).await?.unwrap_or(0) + n;
        ctx.set(BALANCE, balance);
        Ok(balance)
    }

    #[handler]
    async fn balance(&self, ctx: SharedObjectContext<'_>) -> HandlerResult<i64> {
        Ok(ctx.get::<i64>(BALANCE).await?.unwrap_or(0))
    }

    /// Keeps a text of this many bytes.
    #[handler]
    async fn fill(&self, ctx: ObjectContext<'_>, bytes: u64) -> HandlerResult<()> {
        let key = ctx.key();
        let text: String = (0..bytes / 8).map(|n| format!("{key:.3}{n:05}")).collect();
        ctx.set("text", text);
        Ok(())
    }
}

struct Bank;

#[service]
impl Bank {
    /// Moves one from an account to the next: two calls, in partitions of their own.
    #[handler]
    async fn transfer(&self, ctx: Context<'_>, from: u64) -> HandlerResult<()> {
        let to = (from + 1) % ACCOUNTS;
        let taken = ctx
            .object_client::<AccountClient>(from.to_string())
            .add(-1)
            .call();
        taken.await?;
        let given = ctx.object_client::<AccountClient>(to.to_string()).add(1).call();
        given.await?;
        Ok(())
    }
}

struct Waiter {
    told: Arc<Mutex<Vec<String>>>,
}

#[service]
impl Waiter {
    /// Tells the id of an awakeable and waits for its value.
    #[handler]
    async fn wait(&self, ctx: Context<'_>) -> HandlerResult<String> {
        let (id, value) = ctx.awakeable::<String>();
        let told = Arc::clone(&self.told);
        ctx.run(|| async move {
            told.lock().unwrap().push(id);
            Ok(())
        })
        .name("tell")
        .await?;
        Ok(value.await?)
    }
}

/// A running endpoint; it ends with the runtime of the test.
pub(crate) struct Endpoint {
    pub(crate) url: String,
    told: Arc<Mutex<Vec<String>>>,
}

impl Endpoint {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let told: Arc<Mutex<Vec<String>>> = Arc::default();
        let waiter = Waiter {
            told: Arc::clone(&told),
        };
        let endpoint = restate_sdk::prelude::Endpoint::builder()
            .bind(Account)
            .bind(Bank)
            .bind(waiter)
            .build();
        tokio::spawn(async move {
            HttpServer::new(endpoint)
                .serve_with_cancel(listener, std::future::pending::<()>())
                .await;
        });
        Self { url, told }
    }

    /// Awakeables that were told, the oldest first.
    pub(crate) fn awakeables(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}
