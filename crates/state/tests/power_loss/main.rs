//! What a power cut leaves behind is the state after some flush, not older than the last one that returned.
//!
//! ```text
//! writer under strace ─► trace ─► history: changes, each with the moment it became durable
//!                                    └─► for each moment: disks a power cut may leave ─► open ─► judge
//! ```
//!
//! A power cut may also come after a kill and a new start (`kills`): the new process sees what the killed one wrote,
//! durable or not, and must not build on it before it is.
//!
//! The controls leave out one kind of fsync each, in the model, and expect images that lost something: a sync
//! missing in the state or in the tree below it would be noticed.
//!
//! Not covered: interleavings of flush and compaction other than the recorded one (each run records its own), kills
//! during a compaction, a second power cut while the image of the first is opened; what real disks and file systems
//! do (this is a model of them, stricter than most in what an fsync covers), devices that lie about having written,
//! sectors torn in themselves, damage to data that was durable, a full disk. Without strace nothing is checked, and
//! that is said.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::print_stdout,
    reason = "what was checked, or why nothing, is worth a line"
)]

mod controls;
mod history;
mod image;
mod judge;
mod kills;
mod recording;
#[path = "../crash/script.rs"]
#[allow(dead_code, reason = "the crash tests use all of it")]
mod script;
mod trace;
mod writer;

use history::Effect;
use image::{Image, Survives};
use judge::Judge;
use recording::Recording;

#[test]
fn the_recording_holds_what_a_partition_goes_through() {
    let Some(recording) = Recording::shared() else {
        return;
    };
    let history = recording.history(&|_| true);
    let end = *history.crash_points().last().unwrap();
    let replayed = Image::after(&history, end, Survives::Everything);
    if let Some(left_behind) = recording.left_behind() {
        assert!(replayed == *left_behind, "the model knows every call");
    }
    let positions: Vec<u64> = history.promises.iter().map(|promise| promise.position).collect();
    assert_eq!(positions.len(), 14, "two lives of six flushes: {positions:?}");
    assert_eq!(
        positions[6], positions[7],
        "batches without a flush are gone: {positions:?}"
    );
    let tables_removed = history
        .changes
        .iter()
        .filter(|change| matches!(&change.effect, Effect::Unlink { name } if name.parse::<u64>().is_ok()))
        .count();
    assert!(tables_removed >= 4, "compactions remove tables: {tables_removed}");
}

#[test]
fn a_power_cut_at_any_moment_leaves_the_state_of_a_flush() {
    let Some(recording) = Recording::shared() else {
        return;
    };
    let history = recording.history(&|_| true);
    let mut judge = Judge::new(&history.promises);
    let mut cuts = 0;
    for at in history.crash_points() {
        for survives in Survives::ALL {
            let image = Image::after(&history, at, survives);
            if let Err(reason) = judge.check(&image, history.promised(at)) {
                let again = recording.keep();
                panic!("cut behind line {at} of the trace, {survives:?} survives: {reason}; {again}");
            }
            cuts += 1;
        }
    }
    println!("{cuts} power cuts, {} different images", judge.images());
}
