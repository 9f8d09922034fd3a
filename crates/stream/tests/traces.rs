//! Every row of the Flink document, on spans that a collector has received of real jobs: checkpoints, starts, failures,
//! and what functions report themselves. One test is one row.

#![allow(clippy::unwrap_used, reason = "a test")]

#[path = "../../everspan/tests/world/collector.rs"]
mod collector;
#[path = "../../everspan/tests/world/figures.rs"]
mod figures;
#[path = "paced/source.rs"]
mod paced;
#[path = "../../everspan/tests/world/rows.rs"]
mod rows;

mod traces {
    mod ahead;
    mod catalog;
    mod checkpoint;
    mod failure;
    mod functions;
    mod job;
    mod scene;
    mod start;
    mod user_span;
}
