//! What the recorded calls did to the file system, and from which moment on each change was durable.
//!
//! ```text
//! calls ─► names, open files ─► changes: data of a file, entries of a directory
//!                                   each with the line of the trace in which an fsync of that file or directory,
//!                                   begun after the change was complete, returned; or never
//! ```
//!
//! An fsync covers nothing else: that of a file not its entry, that of a directory not the files in it nor its own
//! entry. A call this model does not know panics if it touches a recorded file.

mod names;
mod reader;

use reader::Reader;

use crate::trace::Call;

/// Number of a file or directory, in the order of creation; the root of the recording is 0.
pub(crate) type Node = usize;

/// The root of the recording, which was there before and stays.
pub(crate) const ROOT: Node = 0;

pub(crate) enum Effect {
    Write {
        offset: usize,
        bytes: Vec<u8>,
    },
    Resize {
        len: usize,
    },
    /// An entry of a directory comes, instead of the one that has its name.
    Link {
        name: String,
        to: Node,
    },
    Unlink {
        name: String,
    },
    /// An entry of a directory gets another name, instead of the one that has it.
    Rename {
        name: String,
        new: String,
        to: Node,
    },
}

impl Effect {
    /// True for the data of a file, false for the entries of a directory.
    pub(crate) fn is_data(&self) -> bool {
        matches!(self, Self::Write { .. } | Self::Resize { .. })
    }
}

/// One change of the file or directory `node`.
pub(crate) struct Change {
    pub(crate) node: Node,
    pub(crate) effect: Effect,
    /// Line of the trace in which it was complete.
    pub(crate) at: usize,
    /// Line of the trace from which on no power cut undoes it.
    pub(crate) durable_at: Option<usize>,
}

/// What the writer was promised: opening finds this position or a later one.
pub(crate) struct Promise {
    pub(crate) position: u64,
    /// Line of the trace.
    pub(crate) at: usize,
}

/// Everything a crash image depends on.
pub(crate) struct History {
    /// In the order in which they were complete.
    pub(crate) changes: Vec<Change>,
    pub(crate) promises: Vec<Promise>,
    /// Kind of each node: true for a directory.
    pub(crate) directories: Vec<bool>,
}

/// One fsync, for a disk that may ignore it.
pub(crate) struct Sync<'a> {
    /// Of the file or directory, when it was opened, relative to the root.
    pub(crate) path: &'a str,
    /// Line of the trace.
    pub(crate) at: usize,
    /// True if a name in this directory was changed since its last fsync.
    pub(crate) renamed: bool,
}

/// Picks some of all fsyncs: those a disk obeys, or those it ignores.
pub(crate) type Picks<'a> = &'a dyn Fn(&Sync) -> bool;

impl History {
    /// Replays `calls` below the directory `root` on a disk that obeys some fsyncs or all.
    pub(crate) fn replay(calls: &[Call], root: &str, obeys: Picks) -> Self {
        let mut ordered: Vec<&Call> = calls.iter().filter(|call| call.result >= 0).collect();
        ordered.sort_by_key(|call| effective_at(call));
        let mut reader = Reader::new(root, obeys);
        for call in ordered {
            reader.call(call);
        }
        reader.history
    }

    /// Every line of the trace that changed what a power cut may leave or what was promised.
    pub(crate) fn crash_points(&self) -> Vec<usize> {
        let done = self.changes.iter().map(|change| change.at);
        let durable = self.changes.iter().filter_map(|change| change.durable_at);
        let promised = self.promises.iter().map(|promise| promise.at);
        let mut points: Vec<usize> = done.chain(durable).chain(promised).collect();
        points.sort_unstable();
        points.dedup();
        points
    }

    /// The newest promise at line `at`.
    pub(crate) fn promised(&self, at: usize) -> Option<u64> {
        let made = self.promises.iter().take_while(|promise| promise.at <= at);
        made.last().map(|promise| promise.position)
    }
}

/// A number is free for other threads as soon as its close begins, and a promise holds before it is heard.
fn effective_at(call: &Call) -> usize {
    match call.name.as_str() {
        "close" => call.began,
        "write" if call.args[0] == "1" => call.began,
        _ => call.ended,
    }
}

#[cfg(test)]
mod tests;
