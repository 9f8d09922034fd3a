//! The job, its input and its golden result.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use everspan_state::store::{CheckpointStore, Manifest, StoreOptions};
use everspan_stream::{
    FileSink, JobError, JobHandle, JobOptions, MapFunction, Result, StreamExecutionEnvironment,
};

use super::held::Held;

const LINES: u32 = 4000;
const WORDS: u32 = 97;
/// So many lines are read between two pauses of a slow job.
const LINES_PER_PAUSE: u32 = 20;

/// A directory with the job's input, its checkpoints and its output.
pub(crate) struct Place {
    dir: PathBuf,
    /// Removed with this, unless another process has it.
    _owned: Option<tempfile::TempDir>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let owned = tempfile::tempdir().expect("there is a directory for temporary files");
        let place = Self::fill(&owned.path().join("job"));
        Self {
            _owned: Some(owned),
            ..place
        }
    }

    /// Makes a directory with the input.
    pub(crate) fn fill(dir: &Path) -> Self {
        let place = Self::in_dir(dir.to_owned());
        fs::create_dir_all(place.input()).expect("there is room");
        for part in 0..4 {
            let numbers = (0..LINES).filter(|number| number % 4 == part);
            let lines: Vec<String> = numbers.map(line).collect();
            fs::write(place.input().join(part.to_string()), lines.concat()).expect("there is room");
        }
        place
    }

    /// One that another process has made.
    pub(crate) fn in_dir(dir: PathBuf) -> Self {
        Self { dir, _owned: None }
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.dir.join("checkpoints")
    }

    /// What the job keeps while it works.
    pub(crate) fn work(&self) -> PathBuf {
        self.dir.join("work")
    }

    fn input(&self) -> PathBuf {
        self.dir.join("input")
    }

    fn output(&self) -> PathBuf {
        self.dir.join("output")
    }

    /// Files in the output that readers leave out.
    pub(crate) fn hidden(&self) -> Vec<String> {
        let entries = fs::read_dir(self.output()).expect("the job has written");
        let names = entries.map(|entry| entry.expect("the directory stays").file_name());
        let names = names.map(|name| name.to_string_lossy().into_owned());
        names.filter(|name| name.starts_with('.')).collect()
    }

    /// What processes that are killed leave in the store: files on their way, and files of checkpoints that never were.
    /// Returns everything that is there.
    pub(crate) fn leave_orphans(&self) -> Vec<PathBuf> {
        let dir = self.checkpoints().join("files/ab");
        fs::create_dir_all(&dir).expect("there is room");
        for name in [
            "ab000000000000000000000000000001-4",
            "ab000000000000000000000000000002-4#1",
        ] {
            fs::write(dir.join(name), "left").expect("there is room");
        }
        self.stored()
    }

    fn stored(&self) -> Vec<PathBuf> {
        let dirs = fs::read_dir(self.checkpoints().join("files")).expect("the store is there");
        let files =
            dirs.flat_map(|dir| fs::read_dir(dir.expect("it stays").path()).expect("it is a directory"));
        files.map(|file| file.expect("it stays").path()).collect()
    }

    /// Those of these files that are still there although no checkpoint names them.
    pub(crate) fn unnamed_of(&self, files: &[PathBuf]) -> Vec<PathBuf> {
        let store = self.checkpoints().display().to_string();
        let store = CheckpointStore::open(&store, StoreOptions::default()).expect("it is a directory");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let listing = runtime.expect("there is memory").block_on(store.list());
        let manifests = listing.expect("it can be read").readable;
        let named: BTreeSet<String> = manifests
            .iter()
            .flat_map(Manifest::stored)
            .map(|name| name.to_string())
            .collect();
        let is_named = |file: &PathBuf| {
            let name = file.file_name().expect("a file has a name");
            named.contains(&*name.to_string_lossy())
        };
        let there = self.stored();
        let left = files
            .iter()
            .filter(|file| there.contains(file) && !is_named(file));
        left.cloned().collect()
    }

    /// Every word has each of its counts once.
    pub(crate) fn check(&self) {
        let mut counted: BTreeMap<String, Vec<u32>> = BTreeMap::new();
        for entry in fs::read_dir(self.output()).expect("the job has written") {
            let path = entry.expect("the directory stays").path();
            let name = path.file_name().expect("an entry has a name");
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            for line in fs::read_to_string(&path)
                .expect("a visible file is whole")
                .lines()
            {
                let (word, count) = line.split_once(' ').expect("a line has a word and a count");
                let count = count.parse().expect("a count is a number");
                counted.entry(word.to_owned()).or_default().push(count);
            }
        }
        counted.values_mut().for_each(|counts| counts.sort_unstable());
        let golden = golden();
        assert_eq!(counted.len(), golden.len());
        for (word, count) in golden {
            assert_eq!(counted[&word], (1..=count).collect::<Vec<_>>(), "{word}");
        }
    }
}

fn line(number: u32) -> String {
    format!(
        "{number} w{} w{} w{}\n",
        number % WORDS,
        number * 7 % WORDS,
        number % 3
    )
}

fn golden() -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for text in (0..LINES).map(line) {
        for word in text.split_whitespace().skip(1) {
            *counts.entry(word.to_owned()).or_insert(0) += 1;
        }
    }
    counts
}

/// What line [`Job::FAULTY_LINE`] does to a faulty job.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    Refuses,
    Panics,
}

/// How the job is built.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) parallelism: usize,
    /// Made between some lines.
    pub(crate) pause: Duration,
    pub(crate) fault: Option<Fault>,
    /// Whether counts are `u64` in state, not `u32`.
    pub(crate) has_wide_counts: bool,
    /// The job ends with its input once this is true.
    pub(crate) is_released: Arc<AtomicBool>,
    /// A reader panics once when this is true.
    pub(crate) is_to_panic: Arc<AtomicBool>,
}

impl Job {
    /// Comes late in its file.
    const FAULTY_LINE: u32 = 3001;

    /// As fast as it can, to the end of its input.
    pub(crate) fn with(parallelism: usize) -> Self {
        Self {
            parallelism,
            pause: Duration::ZERO,
            fault: None,
            has_wide_counts: false,
            is_released: Arc::new(AtomicBool::new(true)),
            is_to_panic: Arc::default(),
        }
    }

    /// Slow, and without an end until it is released.
    pub(crate) fn held(parallelism: usize) -> Self {
        Self {
            pause: Duration::from_millis(1),
            is_released: Arc::default(),
            ..Self::with(parallelism)
        }
    }

    pub(crate) fn release(&self) {
        self.is_released.store(true, Ordering::Release);
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, place: &Place, options: JobOptions) {
        self.start(place, options).wait().expect("nothing goes wrong");
    }

    pub(crate) fn start(&self, place: &Place, options: JobOptions) -> JobHandle {
        self.try_start(place, options).expect("the job can be run")
    }

    /// Or what is wrong with the options.
    pub(crate) fn try_start(&self, place: &Place, options: JobOptions) -> Result<JobHandle, JobError> {
        let env = StreamExecutionEnvironment::new();
        env.set_parallelism(self.parallelism);
        let words = env
            .from_source(
                Held::new(&place.input(), self.is_released.clone(), self.is_to_panic.clone()),
                "lines",
            )
            .uid("lines")
            .map_with(Parse {
                pause: self.pause,
                fault: self.fault,
                lines: 0,
            })
            .name("parse")
            .uid("parse")
            .flat_map(|line| line.split(' ').skip(1).map(str::to_owned).collect::<Vec<_>>())
            .uid("words")
            .key_by(String::clone);
        let sink = FileSink::text_lines(place.output());
        if self.has_wide_counts {
            let counts = words.map_with_state("count", |_word, count: &mut u64, word| {
                *count += 1;
                format!("{word} {count}")
            });
            counts.uid("counts").sink_to_as(sink, "files");
        } else {
            let counts = words.map_with_state("count", |_word, count: &mut u32, word| {
                *count += 1;
                format!("{word} {count}")
            });
            counts.uid("counts").sink_to_as(sink, "files");
        }
        env.start("golden", options)
    }
}

/// Hands lines on.
#[derive(Clone)]
struct Parse {
    pause: Duration,
    fault: Option<Fault>,
    lines: u32,
}

impl MapFunction<String> for Parse {
    type Out = String;

    fn map(&mut self, line: String) -> Result<String> {
        self.lines += 1;
        if self.lines.is_multiple_of(LINES_PER_PAUSE) && !self.pause.is_zero() {
            std::thread::sleep(self.pause);
        }
        let number: u32 = line.split(' ').next().unwrap_or_default().parse()?;
        match self.fault {
            Some(Fault::Refuses) if number == Job::FAULTY_LINE => {
                Err(format!("no line {number} wanted").into())
            }
            Some(Fault::Panics) if number == Job::FAULTY_LINE => panic!("no line {number} wanted"),
            _ => Ok(line),
        }
    }
}

/// Waits for something that a job does before it ends.
pub(crate) fn until(is_so: impl Fn() -> bool, handle: &JobHandle) {
    while !is_so() {
        let failure = handle.control().status().last_failure;
        assert!(!handle.has_ended(), "{failure:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}
