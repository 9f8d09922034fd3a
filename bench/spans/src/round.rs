//! One round: every phase of both systems, each in a process of its own.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::Result;
use crate::phase::Phase;
use crate::system::Name;

/// What one system told in one phase.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    told: HashMap<String, f64>,
    /// Spans that came to the receiver.
    pub(crate) received: f64,
}

/// All figures of one round.
pub(crate) struct Round {
    figures: Vec<(Name, Phase, Figures)>,
}

impl Figures {
    pub(crate) fn get(&self, name: &str) -> f64 {
        self.told.get(name).copied().unwrap_or_default()
    }

    /// Spans that were made and did not come.
    pub(crate) fn lost(&self) -> f64 {
        self.get("made") - self.received
    }
}

impl Round {
    /// Every second round runs the systems in reverse order.
    pub(crate) fn measure(number: usize) -> Result<Self> {
        let mut names = Name::BOTH;
        if number % 2 == 1 {
            names.reverse();
        }
        let mut figures = Vec::new();
        for phase in Phase::ALL {
            for name in names {
                let one = measure(name, phase)?;
                eprintln!("  {phase} {name}: {one:?}");
                check(name, phase, &one)?;
                figures.push((name, phase, one));
            }
        }
        Ok(Self { figures })
    }

    pub(crate) fn of(&self, name: Name, phase: Phase) -> &Figures {
        let found = self
            .figures
            .iter()
            .find(|(of, at, _)| (*of, *at) == (name, phase));
        found
            .map(|(_, _, figures)| figures)
            .expect("a round has every phase of both systems")
    }
}

/// A figure is worth nothing when spans are missing that nobody counted.
fn check(name: Name, phase: Phase, figures: &Figures) -> Result<()> {
    let unaccounted = match name {
        Name::Ours => figures.lost() - figures.get("dropped"),
        Name::Theirs if phase == Phase::Paced => 0.0,
        Name::Theirs => figures.lost(),
    };
    if unaccounted == 0.0 {
        Ok(())
    } else {
        Err(format!("{phase}: {unaccounted} spans of {name} are unaccounted for").into())
    }
}

fn measure(name: Name, phase: Phase) -> Result<Figures> {
    let mut receiver = Receiver::start()?;
    let run = Command::new(std::env::current_exe()?)
        .args([
            "measure",
            &name.to_string(),
            &phase.to_string(),
            &receiver.endpoint,
        ])
        .stderr(Stdio::inherit())
        .output()?;
    let received = receiver.stop()?;
    if !run.status.success() {
        return Err(format!("{phase} of {name} ended with {}", run.status).into());
    }
    let mut told = HashMap::new();
    for line in String::from_utf8(run.stdout)?.lines() {
        let (name, value) = line.split_once(' ').ok_or("a figure is a name and a number")?;
        told.insert(name.to_owned(), value.parse()?);
    }
    Ok(Figures { told, received })
}

struct Receiver {
    process: Child,
    output: BufReader<ChildStdout>,
    endpoint: String,
}

impl Receiver {
    fn start() -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("receive")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut output = BufReader::new(process.stdout.take().expect("the output is piped"));
        let endpoint = line(&mut output)?;
        Ok(Self {
            process,
            output,
            endpoint,
        })
    }

    fn stop(&mut self) -> Result<f64> {
        drop(self.process.stdin.take());
        let count = line(&mut self.output)?.parse()?;
        self.process.wait()?;
        Ok(count)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // Also when a measurement failed; one that has ended already cannot be killed.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn line(output: &mut impl BufRead) -> Result<String> {
    let mut text = String::new();
    output.read_line(&mut text)?;
    Ok(text.trim().to_owned())
}
