//! Watches the disk: requests are refused before it is full, and taken again when there is space.

use std::sync::Arc;
use std::time::Duration;

use everspan_wal::LogStatus;
use tokio::sync::watch;

use crate::data_dir::DataDir;
use crate::worker::Router;

const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn watch(
    data: DataDir,
    log_status: impl Fn() -> LogStatus + Send + 'static,
    router: Arc<Router>,
    free_min: u64,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let free = data.free_bytes().unwrap_or(u64::MAX);
        let full = free < free_min || log_status() == LogStatus::Full;
        let was_full = router.note_disk(full);
        match (was_full, full) {
            (false, true) => tracing::error!(free, free_min, "the disk is nearly full: requests are refused"),
            (true, false) => tracing::info!(free, "there is space on the disk again: requests are taken"),
            _ => {}
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = super::listen::stopped(&mut stop) => return,
        }
    }
}
