//! The table.

use crate::phase::{PACE_PER_S, PACED_S, Phase};
use crate::round::{Figures, Round};
use crate::system::Name;

/// A row: what it is, where it is from, and what it should be.
struct Row {
    title: &'static str,
    phase: Phase,
    figure: &'static str,
    target: &'static str,
}

const ROWS: [Row; 6] = [
    Row {
        title: "caller, CPU ns per span",
        phase: Phase::Cost,
        figure: "caller_ns",
        target: "≤ 250, ratio ≤ 0.4",
    },
    Row {
        title: "caller, each span handed on at once",
        phase: Phase::OneByOne,
        figure: "caller_ns",
        target: "",
    },
    Row {
        title: "whole process, CPU ns per span, sending included",
        phase: Phase::Cost,
        figure: "process_ns",
        target: "≤ 700, ratio ≤ 0.2",
    },
    Row {
        title: "caller, in bursts of 20,000",
        phase: Phase::Flood,
        figure: "caller_ns",
        target: "",
    },
    Row {
        title: "whole process, in bursts of 20,000",
        phase: Phase::Flood,
        figure: "process_ns",
        target: "",
    },
    Row {
        title: "caller of a span that is not sampled, CPU ns",
        phase: Phase::Declined,
        figure: "caller_ns",
        target: "≤ 20",
    },
];

pub(crate) fn text(machine: &str, rounds: &[Round]) -> String {
    let mut out = format!(
        "{machine}\nRounds: {}, in alternating order; medians, with the least and the greatest in brackets.\n\n\
         | | Everspan | OpenTelemetry SDK 0.33 | ratio | wanted |\n|---|--:|--:|--:|---|\n",
        rounds.len()
    );
    for row in ROWS {
        let of = |name| Spread::of(rounds, |round| round.of(name, row.phase).get(row.figure));
        let (ours, theirs) = (of(Name::Ours), of(Name::Theirs));
        let ratio = ours.median / theirs.median;
        out += &format!(
            "| {} | {ours} | {theirs} | **{ratio:.2}** | {} |\n",
            row.title, row.target
        );
    }
    out + &lost_row(rounds)
}

fn lost_row(rounds: &[Round]) -> String {
    let made = PACE_PER_S * PACED_S;
    let lost = |name| Spread::of(rounds, |round| round.of(name, Phase::Paced).lost());
    let slowest = |name| {
        let pace = |figures: &Figures| figures.get("made") / figures.get("seconds");
        let paces = rounds.iter().map(|round| pace(round.of(name, Phase::Paced)));
        paces.fold(f64::INFINITY, f64::min)
    };
    let cell = |name| format!("{} ({:.0}/s reached)", lost(name), slowest(name));
    format!(
        "| lost of {made} spans at {PACE_PER_S}/s | {} | {} | | 0 |\n",
        cell(Name::Ours),
        cell(Name::Theirs)
    )
}

/// The middle of several figures, and how far they lie apart.
struct Spread {
    least: f64,
    median: f64,
    greatest: f64,
}

impl Spread {
    fn of(rounds: &[Round], figure: impl Fn(&Round) -> f64) -> Self {
        let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        Self {
            least: figures[0],
            median: figures[figures.len() / 2],
            greatest: figures[figures.len() - 1],
        }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            least,
            median,
            greatest,
        } = self;
        let digits = usize::from(*greatest > 0.0 && *greatest < 10.0);
        write!(f, "**{median:.digits$}** ({least:.digits$}–{greatest:.digits$})")
    }
}
