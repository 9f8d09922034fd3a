//! What is done with a system, and what it tells.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use crate::system::System;
use crate::{Result, clock};

/// Spans that a busy worker makes before it hands them on.
const TURN: u64 = 16;
/// So many fit into the default queues of both, so memory that was used before is used again.
const BURST: u64 = 2_000;
/// So many make both use memory that they did not have; their queue is made larger for it, ours has room.
const FLOOD: u64 = 20_000;
/// Room for a flood, as a queue of theirs.
pub(crate) const FLOOD_QUEUE_MAX: usize = 32_768;
/// In all bursts that are measured together.
const SPANS: u64 = 500_000;
const DECLINED: u64 = 1_000_000;
pub(crate) const PACE_PER_S: u64 = 50_000;
pub(crate) const PACED_S: u64 = 10;

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Bursts that fit into the default queues, each sent before the next: `caller_ns`, `process_ns` per span.
    Cost,
    /// The same, each span handed on at once.
    OneByOne,
    /// The same as the first, with bursts ten times as large.
    Flood,
    /// Spans that are not sampled: `caller_ns` per span.
    Declined,
    /// A steady 50,000 spans/s for ten seconds.
    Paced,
}

impl Phase {
    pub(crate) const ALL: [Self; 5] = [
        Self::Cost,
        Self::OneByOne,
        Self::Flood,
        Self::Declined,
        Self::Paced,
    ];

    /// Prints figures as lines of a name and a number.
    pub(crate) fn run(self, mut system: impl System) -> Result<()> {
        let made = match self {
            Self::Cost => cost(&mut system, BURST, TURN)?,
            Self::OneByOne => cost(&mut system, BURST, 1)?,
            Self::Flood => cost(&mut system, FLOOD, TURN)?,
            Self::Declined => declined(&mut system),
            Self::Paced => paced(&mut system),
        };
        println!("made {made}");
        if let Some(dropped) = system.finish()? {
            println!("dropped {dropped}");
        }
        Ok(())
    }
}

fn cost(system: &mut impl System, burst_spans: u64, turn: u64) -> Result<u64> {
    // The first burst connects and fills what is reused.
    burst(system, 0..burst_spans, turn)?;
    let (process_ns, mut caller_ns, mut made) = (clock::process_ns(), 0, 0);
    while made < SPANS {
        caller_ns += burst(system, made..made + burst_spans, turn)?;
        made += burst_spans;
    }
    println!("caller_ns {}", caller_ns as f64 / made as f64);
    println!(
        "process_ns {}",
        (clock::process_ns() - process_ns) as f64 / made as f64
    );
    Ok(burst_spans + made)
}

/// The caller's CPU time of one burst, without the wait for its end.
fn burst(system: &mut impl System, numbers: Range<u64>, turn: u64) -> Result<u64> {
    let began_ns = clock::thread_ns();
    for n in numbers {
        system.emit(n);
        if n % turn == turn - 1 {
            system.end_turn();
        }
    }
    system.end_turn();
    let caller_ns = clock::thread_ns() - began_ns;
    system.settle()?;
    Ok(caller_ns)
}

fn declined(system: &mut impl System) -> u64 {
    let began_ns = clock::thread_ns();
    let made = (0..DECLINED).filter(|&n| system.decline(n)).count();
    println!(
        "caller_ns {}",
        (clock::thread_ns() - began_ns) as f64 / DECLINED as f64
    );
    made as u64
}

/// In ticks of a millisecond; a late one is followed by the next without a pause.
fn paced(system: &mut impl System) -> u64 {
    let (began, ticks) = (Instant::now(), PACED_S * 1000);
    for tick in 0..ticks {
        for n in 0..PACE_PER_S / 1000 {
            system.emit(tick * PACE_PER_S / 1000 + n);
        }
        system.end_turn();
        thread::sleep((began + Duration::from_millis(tick + 1)).saturating_duration_since(Instant::now()));
    }
    println!("seconds {}", began.elapsed().as_secs_f64());
    PACE_PER_S * PACED_S
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cost => "cost",
            Self::OneByOne => "one-by-one",
            Self::Flood => "flood",
            Self::Declined => "declined",
            Self::Paced => "paced",
        })
    }
}

impl FromStr for Phase {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let known = Self::ALL.into_iter().find(|phase| phase.to_string() == text);
        known.ok_or_else(|| format!("unknown phase `{text}`"))
    }
}
