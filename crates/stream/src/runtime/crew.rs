//! Who does the work of a job: threads, or whoever steps it.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::error::JobError;
use super::seat::Seat;
use super::subtask_driver::{Driver, Fittings};
use super::subtask_thread;
use crate::exchange::{Gauge, Pressure};

/// Work that waits for a store again and again.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// See the module.
pub(crate) enum Crew {
    /// A thread for each subtask; the runtime does all that waits for the store.
    Threads(tokio::runtime::Runtime),
    /// Everything is left to be taken.
    Stepped(Arc<Left>),
}

/// What is to be done and nobody does yet.
#[derive(Default)]
pub(crate) struct Left {
    drivers: Mutex<Vec<Driver>>,
    works: Mutex<Vec<Work>>,
    gauges: Mutex<Vec<Gauge>>,
}

impl Crew {
    /// Has a subtask driven.
    pub(crate) fn seat(&self, fittings: Fittings) -> Result<Seat, JobError> {
        let (driver, seat) = Driver::new(fittings);
        match self {
            Self::Threads(_) => Ok(seat.on(subtask_thread::spawn(driver)?)),
            Self::Stepped(left) => {
                lock(&left.drivers).push(driver);
                Ok(seat)
            }
        }
    }

    /// A run begins with these channels.
    pub(crate) fn watch(&self, gauges: Vec<Gauge>) {
        if let Self::Stepped(left) = self {
            *lock(&left.gauges) = gauges;
        }
    }

    /// Has work done beside the caller's.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        match self {
            Self::Threads(runtime) => drop(runtime.spawn(work)),
            Self::Stepped(left) => lock(&left.works).push(Box::pin(work)),
        }
    }

    /// Has work done that also writes files, beside the caller's.
    pub(crate) fn spawn_blocking(&self, work: impl Future<Output = ()> + Send + 'static) {
        match self {
            Self::Threads(runtime) => {
                let handle = runtime.handle().clone();
                drop(runtime.spawn_blocking(move || handle.block_on(work)));
            }
            Self::Stepped(left) => lock(&left.works).push(Box::pin(work)),
        }
    }
}

impl Left {
    /// Takes the subtasks that are to be driven.
    pub(crate) fn take_drivers(&self) -> Vec<Driver> {
        std::mem::take(&mut lock(&self.drivers))
    }

    /// How full the channels of the run under way are.
    pub(crate) fn pressure(&self) -> Vec<Pressure> {
        lock(&self.gauges).iter().map(Gauge::read).collect()
    }

    /// Takes the work that is to be done.
    pub(crate) fn take_works(&self) -> Vec<Work> {
        std::mem::take(&mut lock(&self.works))
    }
}

fn lock<X>(left: &Mutex<X>) -> MutexGuard<'_, X> {
    left.lock().unwrap_or_else(PoisonError::into_inner)
}
