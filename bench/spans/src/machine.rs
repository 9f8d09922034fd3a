//! When, where and on what was measured.

use std::fs;
use std::process::Command;

/// One line, without names of machines or paths.
pub(crate) fn describe() -> String {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    let load = first_word("/proc/loadavg");
    let kernel = first_word("/proc/sys/kernel/osrelease");
    let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown CPU", |(_, model)| model.trim());
    let when = output("date", &["-u", "+%F %H:%M UTC"]);
    let commit = output("git", &["rev-parse", "--short", "HEAD"]);
    format!(
        "Measured {when} at commit {commit}: {cpus} cores ({model}), Linux {kernel}, load average before {load}."
    )
}

fn first_word(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().next().unwrap_or("?").to_owned()
}

fn output(program: &str, arguments: &[&str]) -> String {
    let run = Command::new(program).args(arguments).output();
    let text = run.map(|run| String::from_utf8_lossy(&run.stdout).trim().to_owned());
    text.unwrap_or_else(|_| "?".to_owned())
}
