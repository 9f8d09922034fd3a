//! One step of `cargo xtask test`: named, timed, and either done, failed or skipped for a reason.

use std::io::{self, IsTerminal};
use std::iter;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

/// No command takes that long on two cores; one that does hangs.
const COMMAND_MAX: Duration = Duration::from_secs(30 * 60);

/// How a step ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Outcome {
    Done,
    Failed(String),
    Skipped(String),
}

/// A step: what it is called on the command line, what it needs, and what it does.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Steps that must not have failed.
    pub(crate) needs: &'static [&'static str],
    pub(crate) run: fn() -> Outcome,
}

/// A step that was looked at, and how long it took.
pub(crate) struct Report {
    pub(crate) name: &'static str,
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

impl Step {
    /// Runs the step, unless `unwanted` says why not or an earlier step it needs has failed.
    pub(crate) fn report(&self, unwanted: Option<String>, earlier: &[Report]) -> Report {
        let begun = Instant::now();
        let outcome = match unwanted.or_else(|| self.missing(earlier)) {
            Some(reason) => Outcome::Skipped(reason),
            None => {
                println!("\n=== {}: {}", self.name, self.about);
                (self.run)()
            }
        };
        Report {
            name: self.name,
            outcome,
            took: begun.elapsed(),
        }
    }

    fn missing(&self, earlier: &[Report]) -> Option<String> {
        let failed = |report: &&Report| {
            self.needs.contains(&report.name) && matches!(report.outcome, Outcome::Failed(_))
        };
        earlier
            .iter()
            .find(failed)
            .map(|report| format!("`{}` failed", report.name))
    }
}

/// Runs a command with its output shown; the first that fails is the outcome.
///
/// None may take longer than half an hour. At a terminal a command stays with the others there, so that Ctrl-C reaches it.
pub(crate) fn run_all(commands: impl IntoIterator<Item = Command>) -> Outcome {
    for mut command in commands {
        let shown = line(&command);
        println!("$ {shown}");
        let ended = if is_watched() {
            status_within(&mut command, COMMAND_MAX, Child::kill)
        } else {
            status_within(command.process_group(0), COMMAND_MAX, kill_group)
        };
        match ended {
            Ok(status) if status.success() => {}
            Ok(status) => return Outcome::Failed(format!("{status}: {shown}")),
            Err(error) => return Outcome::Failed(format!("{error}: {shown}")),
        }
    }
    Outcome::Done
}

/// The command as one would type it, with the variables that are set for it.
fn line(command: &Command) -> String {
    let set = command.get_envs().filter_map(|(name, value)| {
        let value = value?.to_string_lossy();
        Some(format!("{}={value}", name.to_string_lossy()))
    });
    let words = iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| word.to_string_lossy().into_owned());
    set.chain(words).collect::<Vec<_>>().join(" ")
}

/// Whether somebody sits at a terminal.
pub(crate) fn is_watched() -> bool {
    io::stdin().is_terminal()
}

/// How the command ended; one that takes longer than `max` is killed by `kill`.
fn status_within(
    command: &mut Command,
    max: Duration,
    kill: fn(&mut Child) -> io::Result<()>,
) -> io::Result<ExitStatus> {
    let mut child = command.spawn()?;
    let begun = Instant::now();
    while begun.elapsed() < max {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(Duration::from_millis(50));
    }
    kill(&mut child)?;
    child.wait()?;
    Err(io::Error::other(format!("killed after {} s", max.as_secs())))
}

/// Ends a child that leads a group, and all that it started.
fn kill_group(leader: &mut Child) -> io::Result<()> {
    Command::new("kill")
        .args(["-KILL", "--", &format!("-{}", leader.id())])
        .status()?;
    Ok(())
}

/// Whether this command can be found and answers `--version`.
pub(crate) fn is_installed(command: &str) -> bool {
    Command::new(command)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// The summary table.
pub(crate) fn summary(reports: &[Report]) -> String {
    let mut text = String::from("\n=== summary\n");
    for Report { name, outcome, took } in reports {
        let seconds = took.as_secs_f64();
        text += &match outcome {
            Outcome::Done => format!("ok       {name:<9} {seconds:>8.1} s\n"),
            Outcome::Failed(reason) => format!("FAILED   {name:<9} {seconds:>8.1} s  {reason}\n"),
            Outcome::Skipped(reason) => format!("skipped  {name:<9}             {reason}\n"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(needs: &'static [&'static str]) -> Step {
        Step {
            name: "second",
            about: "",
            needs,
            run: || Outcome::Done,
        }
    }

    fn first(outcome: Outcome) -> Vec<Report> {
        vec![Report {
            name: "first",
            outcome,
            took: Duration::ZERO,
        }]
    }

    #[test]
    fn a_step_is_skipped_when_what_it_needs_has_failed() {
        let failed = first(Outcome::Failed("broken".into()));
        let skipped = Outcome::Skipped("`first` failed".into());
        assert_eq!(step(&["first"]).report(None, &failed).outcome, skipped);
        assert_eq!(step(&[]).report(None, &failed).outcome, Outcome::Done);
        assert_eq!(
            step(&["first"]).report(None, &first(Outcome::Done)).outcome,
            Outcome::Done
        );
    }

    #[test]
    fn a_command_that_hangs_is_killed_with_what_it_started() {
        let mut quick = Command::new("true");
        let ended = status_within(&mut quick, Duration::from_secs(60), Child::kill);
        assert!(ended.unwrap().success());
        let mut hanging = Command::new("sh");
        hanging.args(["-c", "sleep 600 & echo $!; wait"]);
        let (mut reader, writer) = io::pipe().unwrap();
        hanging.stdout(writer).process_group(0);
        let error = status_within(&mut hanging, Duration::from_millis(200), kill_group).unwrap_err();
        assert!(error.to_string().contains("killed"), "{error}");
        drop(hanging);
        // The end comes when nobody is left who could write.
        io::Read::read_to_end(&mut reader, &mut Vec::new()).unwrap();
    }

    #[test]
    fn a_command_is_shown_without_what_is_kept_from_it() {
        let mut command = Command::new("cargo");
        command
            .args(["test", "--doc"])
            .env("KILLS", "50")
            .env_remove("CARGO_PKG_NAME");
        assert_eq!(line(&command), "KILLS=50 cargo test --doc");
    }

    #[test]
    fn the_summary_says_why() {
        let text = summary(&first(Outcome::Skipped("no npm".into())));
        assert!(
            text.contains("skipped  first") && text.contains("no npm"),
            "{text}"
        );
    }
}
