//! Spans of reporters that are no longer there: they wait on disk, and nobody sends them.

use std::path::Path;

use crate::config::Config;

/// Names every directory below `spool` that has spans and belongs to no reporter that is on.
pub(super) fn say(config: &Config, spool: &Path) {
    let Ok(entries) = std::fs::read_dir(spool) else {
        return;
    };
    let is_on = |name: &str| {
        config
            .tracing
            .reporters
            .iter()
            .any(|reporter| reporter.name == name)
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let bytes = spooled_bytes(&entry.path());
        if bytes > 0 && !is_on(&name) {
            tracing::warn!(
                reporter = %name,
                bytes,
                dir = %entry.path().display(),
                "spans of a reporter that is not on wait on disk: configure it again, or remove the directory"
            );
        }
    }
}

fn spooled_bytes(dir: &Path) -> u64 {
    let Ok(files) = std::fs::read_dir(dir) else {
        return 0;
    };
    let is_spool = |path: &Path| path.extension().is_some_and(|extension| extension == "spans");
    files
        .flatten()
        .filter(|file| is_spool(&file.path()))
        .filter_map(|file| file.metadata().ok())
        .map(|metadata| metadata.len())
        .sum()
}
