//! The server's end of a sender process: a destination like others.
//!
//! ```text
//!             batch            ready            batch           answer
//!   no process ───► starting ────────► waiting ───────► busy ──────────► waiting
//!       ▲              │ not                 │ dies        │ dies, or is cut off
//!       └──────────────┴─────────────────────┴─────────────┘        too often: deliveries in this process
//! ```

use std::future::Future;
use std::pin::Pin;
use std::thread;
use std::time::Duration;

use tokio::process::Child;
use tokio::time::Instant;

use super::launch::{Launch, Link, Trouble};
use crate::log_limit::LogLimit;
use crate::{Batch, Delivery, Destination};

/// So many processes in a row that never answered are enough.
const FRUITLESS_MAX: u32 = 5;
/// The longest wait for the process to end. One that has a delivery under way ends when that is over, by itself.
const END_WAIT_MAX: Duration = Duration::from_millis(800);
/// Between two looks at whether it has ended.
const END_POLL: Duration = Duration::from_millis(2);

pub(super) struct Remote {
    launch: Launch,
    process: Option<Child>,
    /// `None` while it is lent to a delivery, and for good once that was cut off: nobody knows then what is in the pipes.
    link: Option<Link>,
    /// Processes since the last answer.
    fruitless: u32,
    /// Processes that came after another one.
    restarts: u64,
    has_started: bool,
    in_process: Box<dyn Destination>,
    stays_in_process: bool,
    said: LogLimit,
}

impl Remote {
    pub(super) fn new(launch: Launch, in_process: Box<dyn Destination>) -> Self {
        Self {
            launch,
            process: None,
            link: None,
            fruitless: 0,
            restarts: 0,
            has_started: false,
            in_process,
            stays_in_process: false,
            said: LogLimit::default(),
        }
    }

    async fn hand_over(&mut self, batch: &Batch) -> Delivery {
        if self.stays_in_process {
            return self.in_process.deliver(batch).await;
        }
        let why = match self.exchange(batch).await {
            Ok(delivery) => {
                self.fruitless = 0;
                return delivery;
            }
            Err(Trouble::Lasting(why)) => why,
            Err(Trouble::Passing(why)) => {
                self.fruitless += 1;
                if self.fruitless < FRUITLESS_MAX {
                    return Delivery::Later { wait: None, why };
                }
                why
            }
        };
        tracing::warn!(
            place = self.place(),
            reason = why,
            "spans leave without a sender process: after a crash of this one the last request may be sent again"
        );
        self.stays_in_process = true;
        self.in_process.deliver(batch).await
    }

    async fn exchange(&mut self, batch: &Batch) -> Result<Delivery, Trouble> {
        let mut link = match self.link.take() {
            Some(link) if self.is_alive() => link,
            _ => self.start().await?,
        };
        let delivery = if (1..=link.taken).contains(&batch.number()) {
            // The process before noted it, and died before it could say so.
            Delivery::taken()
        } else {
            link.deliver(batch).await?
        };
        self.link = Some(link);
        Ok(delivery)
    }

    /// Starts another process. One that is still there was cut off, and is not waited for.
    async fn start(&mut self) -> Result<Link, Trouble> {
        if let Some(mut before) = self.process.take() {
            // It may have ended already; then this is its status all the same.
            drop(before.kill().await);
            let status = before.try_wait().ok().flatten();
            if self.said.allows(Instant::now()) {
                tracing::warn!(
                    place = self.in_process.place(),
                    status = status.map(|status| status.to_string()),
                    "the sender process of spans is gone: another one is started"
                );
            }
        }
        let (process, link) = self.launch.start().await?;
        self.process = Some(process);
        self.restarts += u64::from(std::mem::replace(&mut self.has_started, true));
        Ok(link)
    }

    fn is_alive(&mut self) -> bool {
        let ended = self.process.as_mut().map(Child::try_wait);
        matches!(ended, Some(Ok(None)))
    }
}

impl Destination for Remote {
    fn deliver<'a>(&'a mut self, batch: &'a Batch) -> Pin<Box<dyn Future<Output = Delivery> + Send + 'a>> {
        Box::pin(self.hand_over(batch))
    }

    fn place(&self) -> String {
        self.in_process.place()
    }

    fn restarts(&self) -> u64 {
        self.restarts
    }

    fn close(&mut self) {
        self.in_process.close();
        self.link = None;
        let begun = Instant::now();
        while self.is_alive() && begun.elapsed() < END_WAIT_MAX {
            thread::sleep(END_POLL);
        }
    }
}
