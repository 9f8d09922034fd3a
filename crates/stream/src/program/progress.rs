//! The line that tells how a job gets on: one that is written over in a terminal, else one in the log now and then.

use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use crate::runtime::{JobControl, JobStatus};
use crate::task::END_WATERMARK;

const TERMINAL_INTERVAL: Duration = Duration::from_secs(1);
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Tells until it is aborted.
pub(super) async fn tell(name: String, control: JobControl) {
    let is_terminal = stderr().is_terminal();
    let every = if is_terminal {
        TERMINAL_INTERVAL
    } else {
        LOG_INTERVAL
    };
    let mut ticks = tokio::time::interval_at(Instant::now() + every, every);
    let mut before = (Instant::now(), 0);
    loop {
        ticks.tick().await;
        let (now, status) = (Instant::now(), control.status());
        let records = records(&status);
        // Fewer than before: the job was started again.
        let new = records.checked_sub(before.1).unwrap_or(records);
        let seconds = (now - before.0).as_secs_f64();
        before = (now, records);
        let line = line(&status, new as f64 / seconds, records, wall_ms());
        if is_terminal {
            // Nobody is looking any more.
            drop(write!(stderr(), "\r\x1b[2K{name} {line}"));
        } else {
            tracing::info!(job = name, "{line}");
        }
    }
}

/// What is written next begins on a line of its own.
pub(super) fn end_line() {
    if stderr().is_terminal() {
        // Nobody is looking any more.
        drop(writeln!(stderr()));
    }
}

/// What the sources made in this run.
fn records(status: &JobStatus) -> u64 {
    let sources = status.tasks.iter().filter(|task| task.is_source);
    let subtasks = sources.flat_map(|task| &task.subtasks);
    subtasks.map(|subtask| subtask.records_in).sum()
}

fn line(status: &JobStatus, per_second: f64, records: u64, now_ms: i64) -> String {
    let mut line = format!(
        "{}  {} records/s  {} records",
        status.state.name(),
        short(per_second),
        short(records as f64)
    );
    if let Some(lag_ms) = lag_ms(status, now_ms) {
        line += &format!("  lag {:.1} s", lag_ms as f64 / 1e3);
    }
    if let Some(last) = status.checkpoints.latest_completed() {
        let ended_ms = last.triggered_ns / 1_000_000 + u64::try_from(last.duration.as_millis()).unwrap_or(0);
        let ago_ms = now_ms.saturating_sub(i64::try_from(ended_ms).unwrap_or(i64::MAX));
        line += &format!(
            "  checkpoint {} ({:.0} ms, {}B, {} s ago)",
            last.id,
            last.duration.as_secs_f64() * 1e3,
            short(last.checkpointed_bytes as f64),
            ago_ms.max(0) / 1000
        );
    }
    if status.restarts > 0 {
        line += &format!("  {} restarts", status.restarts);
    }
    line
}

/// How far the slowest watermark is behind the clock; `None` without event time, and at the end.
fn lag_ms(status: &JobStatus, now_ms: i64) -> Option<i64> {
    let subtasks = status.tasks.iter().flat_map(|task| &task.subtasks);
    let slowest = subtasks.filter_map(|subtask| subtask.watermark_ms).min()?;
    (slowest != END_WATERMARK).then(|| now_ms.saturating_sub(slowest).max(0))
}

/// `1.2 M` for 1,234,567.
fn short(number: f64) -> String {
    let scales = [(1e9, " G"), (1e6, " M"), (1e3, " k")];
    let scale = scales.iter().find(|(least, _)| number >= *least);
    scale.map_or_else(
        || format!("{number:.0} "),
        |(least, unit)| format!("{:.1}{unit}", number / least),
    )
}

fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
