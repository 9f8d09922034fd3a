//! Asking a store again that failed.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use object_store::path::Path as StorePath;

use super::StoreError;
use super::silence::{SILENT_TRIES_MAX, is_silence};

/// How often a request is repeated, and after which pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Tries in all, at least 1.
    pub tries_max: u32,
    /// Pause before the second try; each further one is twice as long.
    pub first_pause: Duration,
    /// Longest pause.
    pub pause_max: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            tries_max: 8,
            first_pause: Duration::from_millis(50),
            pause_max: Duration::from_secs(5),
        }
    }
}

impl Retry {
    /// Asks until there is an answer; every failure is counted in `failed`.
    pub(super) async fn run<T, F>(
        self,
        failed: &AtomicU64,
        path: &StorePath,
        ask: impl Fn() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let mut pause = self.first_pause;
        let (mut tries, mut silences) = (1, 0);
        loop {
            let error = match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let path = path.to_string();
            silences += u32::from(is_silence(&error));
            let is_last = tries >= self.tries_max || silences >= SILENT_TRIES_MAX;
            match error {
                object_store::Error::NotFound { .. } => return Err(StoreError::Missing { path }),
                object_store::Error::AlreadyExists { .. } => return Err(StoreError::Exists { path }),
                error if is_last || is_final(&error) => {
                    failed.fetch_add(1, Ordering::Relaxed);
                    return Err(StoreError::Failed {
                        path,
                        tries,
                        reason: error.to_string(),
                    });
                }
                _ => failed.fetch_add(1, Ordering::Relaxed),
            };
            tokio::time::sleep(pause).await;
            tries += 1;
            pause = (pause * 2).min(self.pause_max);
        }
    }
}

/// Asking again would give the same answer.
fn is_final(error: &object_store::Error) -> bool {
    matches!(
        error,
        object_store::Error::PermissionDenied { .. }
            | object_store::Error::Unauthenticated { .. }
            | object_store::Error::NotSupported { .. }
            | object_store::Error::NotImplemented { .. }
            | object_store::Error::InvalidPath { .. }
            | object_store::Error::UnknownConfigurationKey { .. }
    )
}
