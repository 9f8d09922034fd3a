//! SIGINT and SIGTERM end the job; a second one ends the process.

use tokio::signal::unix::{SignalKind, signal};

use crate::runtime::JobControl;

/// What a shell says of a process that SIGINT ended.
const INTERRUPTED: i32 = 130;

pub(super) async fn cancel_on_signal(control: JobControl) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        tracing::warn!("signals cannot be heard: the job can be cancelled over HTTP only");
        return;
    };
    let mut next = async || {
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
        }
    };
    next().await;
    tracing::info!("the job is being cancelled; another signal ends the process at once");
    control.cancel();
    next().await;
    std::process::exit(INTERRUPTED);
}
