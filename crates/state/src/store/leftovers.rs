//! What a kill leaves in a directory: files on their way to their names, which no listing shows.
//!
//! A directory's files are written as `<name>#<number>` and then renamed (`object_store::local`). No name of ours has a
//! `#` in it.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Cleaned;

/// Removes those below `dir` that are older than `grace` at `now`.
pub(super) fn remove(dir: &Path, grace: Duration, now: SystemTime, cleaned: &mut Cleaned) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path(), grace, now, cleaned)?;
        } else if is_leftover(&entry.file_name().to_string_lossy()) {
            let metadata = entry.metadata()?;
            let age = now.duration_since(begun(&metadata)?);
            if age.is_ok_and(|age| age >= grace) {
                fs::remove_file(entry.path())?;
                cleaned.files += 1;
                cleaned.bytes += metadata.len();
            }
        }
    }
    Ok(())
}

/// When the file got its name or was written to last: another name of an old file may be under way.
fn begun(metadata: &fs::Metadata) -> io::Result<SystemTime> {
    let named = Duration::new(
        u64::try_from(metadata.ctime()).unwrap_or(0),
        u32::try_from(metadata.ctime_nsec()).unwrap_or(0),
    );
    Ok(metadata.modified()?.max(UNIX_EPOCH + named))
}

fn is_leftover(name: &str) -> bool {
    let number = name.rsplit_once('#').map(|(_, number)| number);
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_on_its_way_and_is_old_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let files = dir.path().join("files/ab");
        fs::create_dir_all(&files).unwrap();
        for name in ["ab-1#1", "ab-1", "x#", "x#y"] {
            fs::write(files.join(name), b"123").unwrap();
        }
        let (mut cleaned, now) = (Cleaned::default(), SystemTime::now());
        let day = Duration::from_secs(24 * 3600);
        remove(dir.path(), day, now, &mut cleaned).unwrap();
        assert_eq!(cleaned, Cleaned::default(), "it may be under way");
        remove(dir.path(), day, now + 2 * day, &mut cleaned).unwrap();
        assert_eq!((cleaned.files, cleaned.bytes), (1, 3));
        assert_eq!(fs::read_dir(&files).unwrap().count(), 3);
        remove(&dir.path().join("absent"), day, now, &mut cleaned).unwrap();
    }
}
