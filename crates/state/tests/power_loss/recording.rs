//! One run of the writer under strace, shared by all tests of this file.

use std::ffi::OsStr;
use std::fs;
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::history::{History, Picks};
use crate::image::Image;
use crate::trace::{Call, calls};
use crate::writer;

/// Calls that change files or what is durable, and those needed to know which file is meant. `?`: some machines
/// lack it.
const CALLS: &str = "trace=?open,openat,?creat,close,?dup,?dup2,dup3,fcntl,lseek,mmap,\
    write,pwrite64,writev,pwritev,pwritev2,truncate,ftruncate,fallocate,copy_file_range,sendfile,splice,\
    ?rename,renameat,renameat2,?link,linkat,?symlink,symlinkat,?unlink,unlinkat,?rmdir,?mkdir,mkdirat,\
    fsync,fdatasync,sync,syncfs,sync_file_range,chdir,fchdir,io_uring_setup";

/// Names a file written after a failure: it is judged instead of a new recording.
const AGAIN: &str = "EVERSPAN_POWER_TRACE";

pub(crate) struct Recording {
    /// Where the writer ran; nothing is there any more.
    root: String,
    trace: String,
    calls: Vec<Call>,
    left_behind: Option<Image>,
}

impl Recording {
    /// The recording, or `None` where strace is missing or may not trace; then the reason is printed.
    pub(crate) fn shared() -> Option<&'static Self> {
        static RECORDING: OnceLock<Option<Recording>> = OnceLock::new();
        RECORDING.get_or_init(Self::make_or_skip).as_ref()
    }

    fn make_or_skip() -> Option<Self> {
        if let Some(path) = std::env::var_os(AGAIN) {
            let kept = fs::read_to_string(path).unwrap();
            let (root, trace) = kept.split_once('\n').unwrap();
            return Some(Self::new(root, trace, None));
        }
        match why_not() {
            None => Some(Self::make()),
            Some(reason) => {
                println!("SKIPPED: no power is cut here, {reason}");
                None
            }
        }
    }

    fn make() -> Self {
        let temporary = TempDir::new().unwrap();
        let base = temporary.path().canonicalize().unwrap();
        let trace = base.join("trace");
        let root = base.join("root");
        fs::create_dir(&root).unwrap();
        // All data, in hexadecimal; the calls of all threads, in the order in which they return.
        let strace = ["strace", "-f", "-xx", "-s", "4194304", "-e", CALLS, "-o"].map(OsStr::new);
        let tracer: Vec<&OsStr> = strace.into_iter().chain([trace.as_os_str()]).collect();
        let output = writer::run(&root, &tracer).unwrap();
        assert!(output.status.success(), "{output:?}");
        let left_behind = Image::read(&root);
        let trace = fs::read_to_string(&trace).unwrap();
        Self::new(root.to_str().unwrap(), &trace, Some(left_behind))
    }

    fn new(root: &str, trace: &str, left_behind: Option<Image>) -> Self {
        Self {
            root: root.to_owned(),
            trace: trace.to_owned(),
            calls: calls(trace),
            left_behind,
        }
    }

    /// The files the writer left behind, if it ran just now.
    pub(crate) fn left_behind(&self) -> Option<&Image> {
        self.left_behind.as_ref()
    }

    /// What happened, on a disk that obeys some fsyncs or all.
    pub(crate) fn history(&self, obeys: Picks) -> History {
        History::replay(&self.calls, &self.root, obeys)
    }

    /// Keeps the trace for another look; says how.
    pub(crate) fn keep(&self) -> String {
        let path = std::env::temp_dir().join("everspan-power-loss.trace");
        fs::write(&path, format!("{}\n{}", self.root, self.trace)).unwrap();
        format!("to judge this trace again: {AGAIN}={}", path.display())
    }
}

fn why_not() -> Option<String> {
    match Command::new("strace")
        .args(["-f", "-o", "/dev/null", "true"])
        .output()
    {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!(
            "strace may not trace: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Some(format!("strace does not start: {error}")),
    }
}
