//! A store that falls silent must not hold up whoever reads from it for ever.

use std::fmt;
use std::future::Future;
use std::time::Duration;

/// So often a request is made on which the store falls silent.
pub(super) const SILENT_TRIES_MAX: u32 = 3;

#[derive(Debug)]
struct Silent(Duration);

impl fmt::Display for Silent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no byte came for {:?}", self.0)
    }
}

impl std::error::Error for Silent {}

/// What is waited for, or an error if it does not come within `max`.
pub(super) async fn in_time<T>(
    max: Option<Duration>,
    waited: impl Future<Output = T>,
) -> object_store::Result<T> {
    let Some(max) = max else {
        return Ok(waited.await);
    };
    tokio::time::timeout(max, waited).await.map_err(|_| silent(max))
}

/// Nothing came for so long.
pub(super) fn silent(max: Duration) -> object_store::Error {
    object_store::Error::Generic {
        store: "silent",
        source: Box::new(Silent(max)),
    }
}

/// Whether it is [`silent`].
pub(super) fn is_silence(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::Generic { source, .. } if source.is::<Silent>())
}
