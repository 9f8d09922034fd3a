//! Checkpoints of the server's own partitions: the thread that drives the coordinator, the store, the workers.
//!
//! ```text
//! interval, POST /checkpoints ─► Coordinator ─► Begin ─► workers hold, snapshot (worker/cut.rs)
//!                                     ▲                        │ hard links below checkpoints/<id>
//!                                     └─ Ack ◄─ upload ◄───────┘
//!                                     └─ Publish ─► manifest ─► Completed ─► spans, retention, log trimmed
//! ```
//!
//! Everything is decided by `everspan-checkpoint`; here it is carried out, in one thread with a small runtime of its own,
//! so that reading and moving files never holds up a socket.

mod driver;
pub(crate) mod manifest;
mod note;
mod options;
mod progress;
pub mod restore;
mod start;
mod start_progress;
mod statistics;
mod trim_note;
mod under_way;
mod upload;
mod view;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use everspan_checkpoint::{CheckpointSummary, Kind};
use everspan_export::SpanWriter;
use tokio::sync::{mpsc, oneshot};

use crate::worker::{Persisted, Router};
use driver::{Asked, Driver, Event};
pub use manifest::{Ancestor, Home};
pub use note::{Before, Completed, RunNote};
pub use options::{CheckpointsOptions, store_settings};
pub(crate) use start::suspect_file;
pub use start::{Begun, Logged, Place, Start};
pub use start_progress::{Phase, StartProgress, StartView};
pub(crate) use trim_note::TrimNote;
pub use view::{UnderWayView, View};

/// Why there is no checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoCheckpoint {
    /// No destination is configured and none was named.
    NoDestination,
    /// The destination named cannot be one.
    BadDestination(String),
    /// It failed, or was refused.
    Failed(String),
    /// Not all partitions run yet, and what is waited for.
    NotYet(String),
    /// The server is going down.
    Stopping,
}

impl std::fmt::Display for NoCheckpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoDestination => f.write_str(
                "there is nowhere to write it: set checkpoint.destination, or name a directory for a savepoint",
            ),
            Self::BadDestination(why) | Self::Failed(why) | Self::NotYet(why) => f.write_str(why),
            Self::Stopping => f.write_str("the server is stopping"),
        }
    }
}

impl std::error::Error for NoCheckpoint {}

/// What a driver works with.
pub struct Surroundings {
    /// The way to the workers.
    pub router: Arc<Router>,
    /// Told which records of the log the checkpoints need.
    pub persisted: Arc<Persisted>,
    /// Where the spans go.
    pub spans: SpanWriter,
    /// What has begun.
    pub begun: Begun,
}

/// The running driver.
pub struct Checkpoints {
    events: mpsc::UnboundedSender<Event>,
    view: Arc<Mutex<View>>,
    thread: JoinHandle<()>,
}

/// The way to a driver, for those who ask.
#[derive(Clone)]
pub struct CheckpointsHandle {
    events: mpsc::UnboundedSender<Event>,
    view: Arc<Mutex<View>>,
}

impl Checkpoints {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread or no event queue to give.
    pub fn start(options: CheckpointsOptions, with: Surroundings) -> std::io::Result<Self> {
        let (events, inbox) = mpsc::unbounded_channel();
        let view = Arc::new(Mutex::new(View::before(options.destination.as_ref())));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let shown = Arc::clone(&view);
        let sender = events.clone();
        let thread = std::thread::Builder::new().name("everspan-checkpoints".to_owned());
        let thread = thread.spawn(move || {
            let (driver, news) = Driver::new(options, with, sender, shown);
            runtime.block_on(driver.run(inbox, news));
            // A request to a store that hangs must not keep the process.
            runtime.shutdown_background();
        })?;
        Ok(Self { events, view, thread })
    }

    /// The way to it.
    pub fn handle(&self) -> CheckpointsHandle {
        CheckpointsHandle {
            events: self.events.clone(),
            view: Arc::clone(&self.view),
        }
    }

    /// Gives up what is under way, tells its spans, and ends the thread. Returns the note, in which the run has not
    /// ended yet.
    pub async fn stop(self) -> Option<RunNote> {
        let (stopped, note) = oneshot::channel();
        self.events.send(Event::Stop(stopped)).ok()?;
        let note = note.await.ok();
        if tokio::task::spawn_blocking(move || self.thread.join())
            .await
            .is_ok_and(|joined| joined.is_err())
        {
            tracing::error!("the thread of the checkpoints panicked");
        }
        note
    }
}

impl CheckpointsHandle {
    /// Asks for a checkpoint and waits for its end. `place` is a destination other than the configured one.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn trigger(
        &self,
        kind: Kind,
        place: Option<String>,
    ) -> Result<CheckpointSummary, NoCheckpoint> {
        let (reply, answer) = oneshot::channel();
        let event = Event::Trigger(Asked { kind, place, reply });
        self.events.send(event).map_err(|_| NoCheckpoint::Stopping)?;
        answer.await.map_err(|_| NoCheckpoint::Stopping)?
    }

    /// How things are.
    pub fn view(&self) -> View {
        self.view.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
