//! One step of `cargo xtask test`: named, timed, and either done, failed or skipped for a reason.

use std::process::Command;
use std::time::{Duration, Instant};

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
pub(crate) fn run_all(commands: impl IntoIterator<Item = Command>) -> Outcome {
    for mut command in commands {
        let shown = format!("{command:?}").replace('"', "");
        println!("$ {shown}");
        match command.status() {
            Ok(status) if status.success() => {}
            Ok(status) => return Outcome::Failed(format!("{status}: {shown}")),
            Err(error) => return Outcome::Failed(format!("{error}: {shown}")),
        }
    }
    Outcome::Done
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
    fn the_summary_says_why() {
        let text = summary(&first(Outcome::Skipped("no npm".into())));
        assert!(
            text.contains("skipped  first") && text.contains("no npm"),
            "{text}"
        );
    }
}
