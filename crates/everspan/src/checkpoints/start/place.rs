//! Where a partition's state lies, and what the log has of it.

use std::path::Path;

/// Where a partition's state lies, and how it is opened.
pub struct Place<'a> {
    /// Number of the partition.
    pub partition: u16,
    /// Its directory.
    pub dir: &'a Path,
    /// Whether it was created before: then a missing one is restored.
    pub created: bool,
    /// What the log has of it.
    pub log: Logged,
}

/// What the log has of a partition.
#[derive(Clone, Copy, Debug, Default)]
pub struct Logged {
    /// Its first and its last record there; `None`: it has none.
    pub records: Option<(u64, u64)>,
    /// Whether the log has any file.
    pub has_files: bool,
    /// Whether nothing was ever trimmed from it.
    pub is_whole: bool,
    /// The record up to which the partition came with a restored directory: the log begins behind it.
    pub restored_at: u64,
}

impl Logged {
    /// Whether the log goes on where a state ends that has all records up to `position`, when it may have been trimmed
    /// up to `trimmed`.
    ///
    /// # Errors
    /// What is missing.
    pub(super) fn goes_on_behind(&self, position: u64, trimmed: u64) -> Result<(), String> {
        let before = self.restored_at.max(trimmed);
        match self.records {
            Some((_, last)) if last < position => Err(format!(
                "it has record {position}, the log ends with {last}: log files are missing"
            )),
            Some((first, _)) if first - 1 > position => Err(format!(
                "it ends with record {position}, the log begins with {first}: the records between are gone"
            )),
            None if !self.has_files && position > self.restored_at => Err(format!(
                "it has record {position}, the log is empty: log files are missing"
            )),
            None if position < before => Err(format!(
                "it ends with record {position}, the log begins behind {before}: the records between are gone"
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the log has every record that the partition ever had.
    pub(super) fn has_everything(&self) -> bool {
        let is_whole = match self.records {
            Some((first, _)) => first == 1,
            None => self.is_whole,
        };
        is_whole && self.restored_at == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_taken_only_where_the_log_goes_on_behind_it() {
        let with = |first, last| Logged {
            records: Some((first, last)),
            has_files: true,
            ..Logged::default()
        };
        let without = |has_files, restored_at| Logged {
            has_files,
            restored_at,
            ..Logged::default()
        };
        let (ends, gone, empty) = (
            "the log ends with 9",
            "records between are gone",
            "the log is empty",
        );
        let rows = [
            (with(1, 9), 5, 0, None),
            (with(1, 9), 9, 0, None),
            (with(1, 9), 10, 0, Some(ends)),
            (with(6, 9), 5, 0, None),
            (with(6, 9), 4, 0, Some(gone)),
            // It may have been trimmed, but was not.
            (with(6, 9), 5, 7, None),
            (without(true, 0), 5, 0, None),
            (without(true, 0), 5, 5, None),
            (without(true, 0), 5, 6, Some(gone)),
            (without(true, 8), 8, 0, None),
            (without(true, 8), 7, 0, Some(gone)),
            (without(false, 8), 8, 0, None),
            (without(false, 8), 7, 0, Some(gone)),
            (without(false, 8), 9, 0, Some(empty)),
            (without(false, 0), 1, 0, Some(empty)),
            (without(false, 0), 0, 0, None),
        ];
        for (log, position, trimmed, missing) in rows {
            let found = log.goes_on_behind(position, trimmed).err();
            let is_it = match (&found, missing) {
                (Some(found), Some(part)) => found.contains(part),
                (found, part) => found.is_none() && part.is_none(),
            };
            assert!(
                is_it,
                "{log:?} behind {position}, trimmed up to {trimmed}: {found:?}"
            );
        }
    }

    #[test]
    fn a_log_has_everything_from_the_first_record_on_or_not() {
        let rows = [
            (Some((1, 9)), false, 0, true),
            (Some((2, 9)), false, 0, false),
            (None, true, 0, true),
            (None, false, 0, false),
            (None, true, 4, false),
            (Some((5, 9)), true, 4, false),
        ];
        for (records, is_whole, restored_at, has_everything) in rows {
            let log = Logged {
                records,
                has_files: true,
                is_whole,
                restored_at,
            };
            assert_eq!(log.has_everything(), has_everything, "{log:?}");
        }
    }
}
