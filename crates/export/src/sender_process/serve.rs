//! The sender process itself: takes batches from its input until that ends.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::unix::pipe;
use tokio::signal::unix::{SignalKind, signal};

use super::frames::{self, Greeting};
use super::order::Order;
use crate::sender::guarded;
use crate::sent::Sent;
use crate::{Batch, Delivery, Destination, otlp};

/// The wait for the process before, whose input has ended.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(3);
/// A request has a time-out of its own; this is for what goes wrong around it.
const REQUEST_GRACE: Duration = Duration::from_secs(1);
/// Buffers with more room are not kept.
const SPARE_BYTES_MAX: usize = 4 << 20;
/// What `ps` shows and `killall` and `pkill` look for: whoever kills a server by its name does not mean this one.
const NAME: &str = "span-sender";

/// Serves the server that started this process, and notes in `dir` what was delivered. Ends when its input does, with
/// the delivery under way; never at SIGTERM, SIGINT or SIGHUP, which are often sent to all processes of a service at once.
/// It writes no log: what there is to say is part of its answers.
pub fn serve(dir: &Path) -> ExitCode {
    // Only a name.
    drop(std::fs::write("/proc/self/comm", NAME));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.and_then(|runtime| {
        let served = runtime.block_on(run(dir));
        // What still runs, such as a name look-up that hangs, must not keep the process.
        runtime.shutdown_background();
        served
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever reads this may be gone as well.
            drop(writeln!(
                io::stderr(),
                "everspan: the sender process ends: {error}"
            ));
            ExitCode::FAILURE
        }
    }
}

async fn run(dir: &Path) -> io::Result<()> {
    for kind in [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ] {
        // Once it is asked for, a signal ends the process no more.
        drop(signal(kind)?);
    }
    let input = pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)?;
    let mut output = pipe::Sender::from_owned_fd(io::stdout().as_fd().try_clone_to_owned()?)?;
    let mut input = BufReader::new(input);
    let Some(order) = frames::read_line::<Order>(&mut input).await? else {
        return Ok(());
    };
    let mut work = match Work::open(dir, order) {
        Ok(work) => work,
        Err(why) => return frames::write_line(&mut output, &Greeting::Cannot { why }).await,
    };
    let taken = work.sent.taken();
    frames::write_line(&mut output, &Greeting::Ready { taken }).await?;
    let mut spare = Vec::new();
    while let Some(batch) = frames::read_batch(&mut input, &mut spare).await? {
        let delivery = work.deliver(&batch).await;
        spare.clear();
        spare.extend(
            batch
                .into_buffers()
                .filter(|buffer| buffer.capacity() <= SPARE_BYTES_MAX),
        );
        if frames::write_line(&mut output, &delivery).await.is_err() {
            break; // nobody wants to know
        }
    }
    Ok(())
}

struct Work {
    sent: Sent,
    destination: Box<dyn Destination>,
    delivery_max: Duration,
}

impl Work {
    fn open(dir: &Path, order: Order) -> Result<Self, String> {
        let options = order.into_options()?;
        let delivery_max = options.timeout + REQUEST_GRACE;
        let destination = otlp::destination(options).map_err(|error| error.to_string())?;
        let sent = Sent::open(dir, LOCK_WAIT_MAX).map_err(|error| error.to_string())?;
        Ok(Self {
            sent,
            destination,
            delivery_max,
        })
    }

    /// One try. What is done with is noted before anybody hears of it.
    async fn deliver(&mut self, batch: &Batch) -> Delivery {
        let delivery = guarded(self.destination.as_mut(), batch);
        let delivery = tokio::time::timeout(self.delivery_max, delivery).await;
        let delivery = delivery.unwrap_or_else(|_| Delivery::Later {
            wait: None,
            why: format!("no end after {} ms", self.delivery_max.as_millis()),
        });
        if matches!(delivery, Delivery::Later { .. }) {
            return delivery;
        }
        match self.sent.note(batch.number(), batch.marks()) {
            Ok(()) => delivery,
            Err(error) => delivery.with_remark(&format!("it could not be noted: {error}")),
        }
    }
}
