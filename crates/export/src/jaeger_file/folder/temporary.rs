//! What a file is called while it is written: `<name>.<process>-<number>.tmp`.

use std::fs::DirEntry;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Nobody writes one file for so long.
const AGE_MAX: Duration = Duration::from_secs(60 * 60);

/// A name that no other writer uses, in this process or another.
pub(super) fn name(whole: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{whole}.{}-{number}.tmp", process::id())
}

/// Whether this is a half-written file whose process is gone, or that is too old to be under way.
pub(super) fn is_abandoned(name: &str, entry: &DirEntry) -> bool {
    let Some(process) = writer(name) else {
        return false;
    };
    // One with our own id was written by an earlier process: in a container they all have the same. Without /proc all
    // processes seem gone; one that lives writes its file again.
    let is_alive = process != process::id() && Path::new("/proc").join(process.to_string()).exists();
    !is_alive || is_old(entry)
}

/// The process in the name of a half-written file; `None` for all other names.
fn writer(name: &str) -> Option<u32> {
    let rest = name.strip_prefix("trace-")?.strip_suffix(".tmp")?;
    let (_, process_and_number) = rest.split_once(".json.")?;
    let (process, number) = process_and_number.split_once('-')?;
    number.parse::<u64>().ok()?;
    process.parse().ok()
}

fn is_old(entry: &DirEntry) -> bool {
    let age = entry
        .metadata()
        .and_then(|metadata| metadata.modified())
        .map(|written| written.elapsed());
    matches!(age, Ok(Ok(age)) if age > AGE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_never_given_twice_and_tell_their_process() {
        let (first, second) = (name("trace-1.json"), name("trace-1.json"));
        assert_ne!(first, second);
        assert_eq!(writer(&first), Some(process::id()));
    }

    #[test]
    fn names_of_others_tell_no_process() {
        let others = [
            "trace-1.json",
            "trace-1.json.tmp",
            "trace-1.json.7.tmp",
            "trace-1.json.x-1.tmp",
            "trace-1.json.7-x.tmp",
            "other-1.json.7-1.tmp",
            "trace-1.json.7-1",
        ];
        for other in others {
            assert_eq!(writer(other), None, "{other}");
        }
    }
}
