//! Errors of paths that a program was given.

use std::io::{self, ErrorKind};
use std::path::Path;

use crate::failure::{BoxError, SuppressRestarts};

/// That `what` cannot be done with the path. One that is not there, or is not what it should be, is so after a restart,
/// too.
pub(super) fn refused(what: &str, path: &Path, error: &io::Error) -> BoxError {
    let told = format!("cannot {what} {}: {error}", path.display());
    match error.kind() {
        ErrorKind::NotFound
        | ErrorKind::NotADirectory
        | ErrorKind::IsADirectory
        | ErrorKind::AlreadyExists
        | ErrorKind::PermissionDenied
        | ErrorKind::ReadOnlyFilesystem
        | ErrorKind::InvalidFilename => SuppressRestarts::new(told).into(),
        _ => told.into(),
    }
}
