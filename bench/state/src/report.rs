//! The figures as a table.

use std::fmt::Write;
use std::time::Duration;

use crate::measure::{Measured, Restored};
use crate::places::Cost;

pub(crate) fn text(machine: &str, keys: u64, measured: &[Measured]) -> String {
    let mut text =
        format!("{machine} One owner, {keys} keys × 200 B that do not compress, 128 key groups.\n\n| |");
    for of in measured {
        write!(text, " {} |", of.name).expect("writing to memory does not fail");
    }
    text.push_str("\n|---|");
    text.push_str(&"---:|".repeat(measured.len()));
    for (name, cell) in ROWS {
        write!(text, "\n| {name} |").expect("writing to memory does not fail");
        for of in measured {
            write!(text, " {} |", cell(of)).expect("writing to memory does not fail");
        }
    }
    text.push('\n');
    text
}

type Cell = fn(&Measured) -> String;

const ROWS: [(&str, Cell); 13] = [
    ("first checkpoint: all of it", |of| of_cost(&of.first)),
    ("nothing changed since (wish: ≤ 50 ms, < 1 MB)", |of| {
        of_cost(&of.unchanged)
    }),
    ("1 % of the keys changed, median of 72 checkpoints", |of| {
        of_cost(&median(&of.rounds))
    }),
    ("… moved, of all bytes (wish: ≤ 5 %)", |of| {
        share(&median(&of.rounds))
    }),
    ("… moved, mean of the 72", |of| {
        let moved: u64 = of.rounds.iter().map(|cost| cost.moved_bytes).sum();
        let full: u64 = of.rounds.iter().map(|cost| cost.full_bytes).sum();
        percent(moved, full)
    }),
    ("… moved, most of the 72", |of| {
        let most = of.rounds.iter().max_by_key(|cost| cost.moved_bytes);
        most.map_or_else(String::new, share)
    }),
    ("random updates/s without checkpoints", |of| {
        thousands(of.alone.wall)
    }),
    ("… with a checkpoint each second (wish: ≥ 0.9×)", |of| {
        beside(of.beside.wall, of.alone.wall)
    }),
    (
        "random updates per second of the owner's CPU time, without checkpoints",
        |of| thousands(of.alone.cpu),
    ),
    ("… with a checkpoint each second", |of| {
        beside(of.beside.cpu, of.alone.cpu)
    }),
    ("longest pause of the owner for a snapshot", |of| ms(of.pause_max)),
    ("restored from the copy on this host (wish: ≥ 300 MB/s)", |of| {
        of_restore(&of.from_copy)
    }),
    ("restored from the store", |of| of_restore(&of.from_store)),
];

fn median(rounds: &[Cost]) -> Cost {
    let mut sorted = rounds.to_vec();
    sorted.sort_by_key(|cost| cost.moved_bytes);
    sorted[sorted.len() / 2]
}

fn of_cost(cost: &Cost) -> String {
    format!(
        "{}, {:.1} MB moved, pause {}",
        ms(cost.end_to_end),
        megabytes(cost.moved_bytes),
        ms(cost.pause)
    )
}

fn of_restore(restored: &Restored) -> String {
    let megabytes = megabytes(restored.bytes);
    let rate = megabytes / restored.took.as_secs_f64();
    let cpu = ms(restored.cpu);
    format!(
        "{}, {megabytes:.0} MB: {rate:.0} MB/s; {cpu} of CPU time",
        ms(restored.took)
    )
}

fn beside(rate: f64, alone: f64) -> String {
    format!("{} ({:.2}×)", thousands(rate), rate / alone)
}

fn share(cost: &Cost) -> String {
    percent(cost.moved_bytes, cost.full_bytes)
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn percent(part: u64, all: u64) -> String {
    format!("{:.2} %", part as f64 * 100.0 / all as f64)
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn thousands(rate: f64) -> String {
    format!("{:.0} k", rate / 1e3)
}
