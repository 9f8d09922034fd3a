//! A thread that drives one subtask.

use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use super::error::JobError;
use super::subtask_driver::{Driver, Turn};

/// Drives it until it has ended.
pub(crate) fn spawn(mut driver: Driver) -> Result<JoinHandle<()>, JobError> {
    std::thread::Builder::new()
        .name("everspan-subtask".to_owned())
        .spawn(move || drive(&mut driver))
        .map_err(JobError::Thread)
}

fn drive(driver: &mut Driver) {
    driver.waker().bind_to_this_thread();
    loop {
        match driver.turn() {
            Turn::Again => {}
            Turn::Wait {
                until_ms,
                is_back_pressured,
            } => wait(driver, until_ms, is_back_pressured),
            Turn::Over => return,
        }
    }
}

fn wait(driver: &Driver, until_ms: Option<i64>, is_back_pressured: bool) {
    let before = driver.clock().now();
    let most = until_ms.map(|until| duration_until(until, before.wall_ns));
    driver.waker().wait(most);
    if is_back_pressured {
        let waited = driver.clock().now().monotonic_ns - before.monotonic_ns;
        let figures = driver.figures();
        figures.back_pressured_ns.fetch_add(waited, Ordering::Relaxed);
    }
}

fn duration_until(time_ms: i64, now_ns: u64) -> Duration {
    let until_ns = u64::try_from(time_ms).unwrap_or(0).saturating_mul(1_000_000);
    Duration::from_nanos(until_ns.saturating_sub(now_ns))
}
