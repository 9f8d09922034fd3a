//! Runs one job with one subtask, then four, then two, each time from a savepoint of the run before.
//!
//! ```sh
//! cargo run -p everspan-stream --example rescale
//! ```
//!
//! The job counts the clicks of users. When all is done every user's counts are 1, 2, 3, … without a gap and without
//! one twice, whoever counted them.

use std::collections::BTreeMap;
use std::io::{Write, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use everspan_stream::{
    FileSink, GeneratorSource, JobOptions, JobState, Result, Start, StreamExecutionEnvironment,
};

/// Clicks of each user in all.
const CLICKS: u64 = 500;
const USERS: u64 = 100;

fn main() -> ExitCode {
    let dir = std::env::temp_dir().join(format!("everspan-rescale-{}", std::process::id()));
    let rescaled = rescale(&dir);
    // A directory of this process, of use to nobody else.
    drop(std::fs::remove_dir_all(&dir));
    match rescaled {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

pub(crate) fn rescale(dir: &Path) -> Result {
    let mut start = Start::Fresh;
    for parallelism in [1, 4] {
        let savepoint = run_until_savepoint(dir, parallelism, start)?;
        writeln!(
            stdout(),
            "{parallelism} subtasks: stopped with savepoint {savepoint}"
        )?;
        start = Start::From(savepoint);
    }
    // The last run goes on to the end of the input, as fast as it can.
    job(dir, 2, None).execute_with("clicks", options(dir, start))?;
    let counted = counts(&dir.join("counts"))?;
    let expected: Vec<u64> = (1..=CLICKS).collect();
    for user in 0..USERS {
        if counted.get(&user) != Some(&expected) {
            return Err(format!(
                "user {user} was not counted once per click: {:?}",
                counted.get(&user)
            )
            .into());
        }
    }
    writeln!(
        stdout(),
        "2 subtasks: ran to the end; {USERS} users, {CLICKS} clicks each, every count once"
    )?;
    Ok(())
}

fn run_until_savepoint(dir: &Path, parallelism: usize, start: Start) -> Result<u64> {
    let handle = job(dir, parallelism, Some(USERS * CLICKS / 50)).start("clicks", options(dir, start))?;
    let control = handle.control();
    // Once something has been counted.
    loop {
        let status = control.status();
        let made: u64 = status
            .tasks
            .iter()
            .flat_map(|task| &task.subtasks)
            .map(|of| of.records_in)
            .sum();
        if status.state == JobState::Running && made > USERS {
            break;
        }
        if handle.has_ended() {
            handle.wait()?;
            return Err("the job ended before its savepoint".into());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let savepoint = control
        .stop_with_savepoint()
        .map_err(|reason| reason.to_string())?;
    handle.wait()?;
    Ok(savepoint)
}

fn options(dir: &Path, start: Start) -> JobOptions {
    JobOptions {
        checkpoint_dir: Some(dir.join("checkpoints").display().to_string()),
        start,
        ..JobOptions::default()
    }
}

fn job(dir: &Path, parallelism: usize, per_second: Option<u64>) -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::new();
    env.set_parallelism(parallelism);
    let mut clicks = GeneratorSource::new(USERS * CLICKS, |number| number % USERS);
    if let Some(records) = per_second {
        clicks = clicks.per_second(records);
    }
    env.from_source(clicks, "clicks")
        .uid("clicks")
        .key_by(|user| *user)
        .map_with_state("count", |user, count: &mut u64, _click| {
            *count += 1;
            format!("{user} {count}")
        })
        .uid("counts")
        .sink_to_as(FileSink::text_lines(dir.join("counts")), "files");
    env
}

/// What stands in the visible files: the counts of each user, sorted.
fn counts(dir: &Path) -> Result<BTreeMap<u64, Vec<u64>>> {
    let mut counts: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_hidden {
            continue;
        }
        for line in std::fs::read_to_string(path)?.lines() {
            let (user, count) = line.split_once(' ').ok_or("a line has a user and a count")?;
            counts.entry(user.parse()?).or_default().push(count.parse()?);
        }
    }
    counts.values_mut().for_each(|counts| counts.sort_unstable());
    Ok(counts)
}
