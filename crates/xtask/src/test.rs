//! `cargo xtask test`: everything that must hold, one step after the other, each timed.
//!
//! A step that fails does not stop those that do not need it; what cannot run here is skipped and
//! says why; the exit code is non-zero if any step failed.

mod python;
mod receivers;
mod rust;
mod s3;
mod stories;

use crate::step::{Outcome, Report, Step, summary};

const STEPS: [Step; 12] = [
    Step {
        name: "fmt",
        about: "rustfmt",
        needs: &[],
        run: rust::fmt,
    },
    Step {
        name: "clippy",
        about: "clippy, warnings are errors",
        needs: &[],
        run: rust::clippy,
    },
    Step {
        name: "unit",
        about: "cargo test --workspace --all-features",
        needs: &[],
        run: rust::unit,
    },
    Step {
        name: "s3",
        about: "moto in target/tools, and checkpoints in it",
        needs: &[],
        run: s3::s3,
    },
    Step {
        name: "kills",
        about: "killed 50 times in checkpoints and restores",
        needs: &["unit"],
        run: rust::kills,
    },
    Step {
        name: "build",
        about: "the server, the simulator and the Rust service of the stories, release",
        needs: &[],
        run: rust::build,
    },
    Step {
        name: "sim",
        about: "the simulator, 1000 seeds of the server and of stream jobs",
        needs: &[],
        run: rust::sim,
    },
    Step {
        name: "example",
        about: "the Rust service of examples",
        needs: &[],
        run: rust::example,
    },
    Step {
        name: "tools",
        about: "Node, SDK packages and pytest in target/tools",
        needs: &[],
        run: stories::tools,
    },
    Step {
        name: "stories",
        about: "stories with the official SDKs",
        needs: &["build", "example", "tools"],
        run: stories::stories,
    },
    Step {
        name: "receivers",
        about: "phoenix and mlflow in target/tools, and a trace in them",
        needs: &["build", "tools"],
        run: receivers::receivers,
    },
    Step {
        name: "crash",
        about: "processes die under load",
        needs: &["build", "tools"],
        run: stories::crash,
    },
];

/// Which steps were asked for.
#[derive(Debug, Default, PartialEq)]
struct Choice {
    only: Vec<String>,
    skip: Vec<String>,
}

pub(crate) fn run(arguments: &[String]) -> Result<(), String> {
    if arguments == ["--list"] {
        for step in &STEPS {
            println!("{:<9} {}", step.name, step.about);
        }
        return Ok(());
    }
    let choice = parse(arguments)?;
    let mut reports: Vec<Report> = Vec::new();
    for step in &STEPS {
        reports.push(step.report(choice.unwanted(step.name), &reports));
    }
    println!("{}", summary(&reports));
    let failed = reports
        .iter()
        .filter(|report| matches!(report.outcome, Outcome::Failed(_)))
        .count();
    if failed == 0 {
        Ok(())
    } else {
        Err(format!("{failed} of {} steps failed", STEPS.len()))
    }
}

fn parse(arguments: &[String]) -> Result<Choice, String> {
    let mut choice = Choice::default();
    let mut words = arguments.iter();
    while let Some(flag) = words.next() {
        let list = match flag.as_str() {
            "--only" => &mut choice.only,
            "--skip" => &mut choice.skip,
            _ => {
                return Err(format!(
                    "unknown argument `{flag}`; known: --only, --skip, --list"
                ));
            }
        };
        let names = words
            .next()
            .ok_or_else(|| format!("`{flag}` wants names of steps"))?;
        for name in names.split(',') {
            if !STEPS.iter().any(|step| step.name == name) {
                return Err(format!("no step `{name}`; see --list"));
            }
            list.push(name.to_owned());
        }
    }
    Ok(choice)
}

impl Choice {
    /// Why the step was not asked for, if it was not.
    fn unwanted(&self, name: &str) -> Option<String> {
        if self.skip.iter().any(|skipped| skipped == name) {
            return Some("--skip".to_owned());
        }
        let named = self.only.is_empty() || self.only.iter().any(|wanted| wanted == name);
        (!named).then(|| "not in --only".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn steps_are_chosen_by_name() {
        let choice = parse(&words("--skip sim,crash --skip fmt")).unwrap();
        assert_eq!(choice.unwanted("sim").as_deref(), Some("--skip"));
        assert_eq!(choice.unwanted("unit"), None);
        let choice = parse(&words("--only unit")).unwrap();
        assert_eq!(choice.unwanted("unit"), None);
        assert_eq!(choice.unwanted("fmt").as_deref(), Some("not in --only"));
    }

    #[test]
    fn an_unknown_step_is_refused() {
        assert!(parse(&words("--skip nothing")).unwrap_err().contains("nothing"));
        assert!(parse(&words("--frob")).unwrap_err().contains("--frob"));
        assert!(parse(&words("--skip")).unwrap_err().contains("wants names"));
    }

    #[test]
    fn every_need_names_an_earlier_step() {
        for (index, step) in STEPS.iter().enumerate() {
            for need in step.needs {
                assert!(
                    STEPS[..index].iter().any(|earlier| earlier.name == *need),
                    "{} needs {need}",
                    step.name
                );
            }
        }
    }
}
