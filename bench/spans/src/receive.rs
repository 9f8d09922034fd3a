//! The receiver: decodes every request and counts its spans, until its standard input ends.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use everspan_export::receiver::{self, Answer};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::Result;

/// Prints its address, and at the end the count.
pub(crate) fn run() -> Result<()> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(serve())
}

async fn serve() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    io::stdout().flush()?;
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let take = move |request| {
        counted.fetch_add(receiver::span_count(&request), Ordering::Relaxed);
        std::future::ready(Answer::Take)
    };
    let stop = async {
        // Whatever comes, and an error too, is the end.
        let mut nothing = [0];
        drop(tokio::io::stdin().read(&mut nothing).await);
    };
    receiver::serve(listener, take, stop).await?;
    println!("{}", count.load(Ordering::Relaxed));
    Ok(())
}
