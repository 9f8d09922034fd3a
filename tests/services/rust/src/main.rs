//! The contract of `tests/services/CONTRACT.md`, with the Rust SDK.
//!
//! `PORT` says where to listen (on 127.0.0.1); the line `ready` on stdout says that it does.

#![allow(clippy::print_stdout, reason = "its driver waits for a line")]

mod counter;
mod flow;
mod greeter;
mod stories;
mod world;

use std::net::SocketAddr;

use restate_sdk::prelude::{Endpoint, HttpServer};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() {
    let port: u16 = std::env::var("PORT")
        .ok()
        .and_then(|text| text.parse().ok())
        .expect("PORT must be a port number");
    let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port)))
        .await
        .expect("the port is free");
    let endpoint = Endpoint::builder()
        .bind(greeter::Greeter)
        .bind(counter::Counter)
        .bind(stories::Stories)
        .bind(flow::Flow)
        .build();
    println!("ready");
    HttpServer::new(endpoint).serve(listener).await;
}
