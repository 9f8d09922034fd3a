//! One run of the writer under strace, shared by all tests of this file.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::history::{History, Picks};
use crate::image::Image;
use crate::trace::{Call, calls};
use crate::writer::{self, Lives};

/// Calls that change files or what is durable, and those needed to know which file is meant. `?`: some machines
/// lack it.
const CALLS: &str = "trace=?open,openat,?creat,close,?dup,?dup2,dup3,fcntl,lseek,mmap,\
    write,pwrite64,writev,pwritev,pwritev2,truncate,ftruncate,fallocate,copy_file_range,sendfile,splice,\
    ?rename,renameat,renameat2,?link,linkat,?symlink,symlinkat,?unlink,unlinkat,?rmdir,?mkdir,mkdirat,\
    fsync,fdatasync,sync,syncfs,sync_file_range,chdir,fchdir,io_uring_setup,execve";

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
        let place = Place::new();
        let trace = place.run(Lives::Two, None).expect("nobody kills the writer");
        let left_behind = Image::read(&place.root);
        Self::new(place.root.to_str().unwrap(), &trace, Some(left_behind))
    }

    /// A writer that is killed when it begins its fsync number `number`, from 1, and a second one in the same
    /// directory, without a power cut in between. `None` if there are not so many.
    pub(crate) fn killed_at_fsync(number: usize) -> Option<Self> {
        let place = Place::new();
        let Err(killed) = place.run(Lives::Short, Some(number)) else {
            return None;
        };
        let second = place
            .run(Lives::Short, None)
            .expect("nobody kills the second writer");
        let left_behind = Image::read(&place.root);
        let trace = format!("{killed}{second}");
        Some(Self::new(place.root.to_str().unwrap(), &trace, Some(left_behind)))
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

/// Where a writer runs.
struct Place {
    temporary: TempDir,
    /// Without links, as the calls name it.
    root: PathBuf,
}

impl Place {
    fn new() -> Self {
        let temporary = TempDir::new().unwrap();
        let root = temporary.path().canonicalize().unwrap().join("root");
        fs::create_dir(&root).unwrap();
        Self { temporary, root }
    }

    /// Runs a writer and returns the trace, as an error if it was killed at the fsync `kill_at`.
    fn run(&self, lives: Lives, kill_at: Option<usize>) -> Result<String, String> {
        let trace = self.temporary.path().join("trace");
        let kill = kill_at.map(|number| format!("inject=fsync:signal=SIGKILL:when={number}"));
        // All data, in hexadecimal; the calls of all threads, in the order in which they return.
        let mut strace = Command::new("strace");
        strace.args(["-f", "-xx", "-s", "4194304", "-e", CALLS]);
        strace.args(kill.iter().flat_map(|kill| ["-e", kill]));
        strace.arg("-o").arg(&trace);
        let output = writer::run(strace, &self.root, lives).unwrap();
        let trace = fs::read_to_string(&trace).unwrap();
        match output.status.success() {
            true => Ok(trace),
            false if trace.contains("killed by SIGKILL") => Err(trace),
            false => panic!("{output:?}"),
        }
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
