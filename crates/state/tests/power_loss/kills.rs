//! A kill, and a power cut later on: what a killed writer had not synced is still there when the state is opened
//! again, and must be durable before anyone builds on it.

use crate::image::{Image, Survives};
use crate::judge::Judge;
use crate::recording::Recording;

#[test]
fn a_state_opened_after_a_kill_survives_a_power_cut() {
    if Recording::shared().is_none() {
        return;
    }
    let mut failures = Vec::new();
    let mut kills = 0;
    for number in 1.. {
        let Some(recording) = Recording::killed_at_fsync(number) else {
            break;
        };
        kills = number;
        failures
            .extend(first_bad_cut(&recording).map(|reason| format!("killed at fsync {number}, {reason}")));
    }
    println!("{kills} kills");
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(kills >= 20, "a creation has 13 fsyncs and a flush 7, not {kills}");
}

fn first_bad_cut(recording: &Recording) -> Option<String> {
    let history = recording.history(&|_| true);
    let mut judge = Judge::new(&history.promises);
    let points = history.crash_points();
    let end = *points.last().unwrap();
    let replayed = Image::after(&history, end, Survives::Everything);
    assert!(
        recording.left_behind() == Some(&replayed),
        "the model knows every call"
    );
    let cuts = points
        .iter()
        .flat_map(|&at| Survives::ALL.map(|survives| (at, survives)));
    for (at, survives) in cuts {
        let image = Image::after(&history, at, survives);
        if let Err(reason) = judge.check(&image, history.promised(at)) {
            return Some(format!(
                "cut behind line {at} of the trace, {survives:?} survives: {reason}"
            ));
        }
    }
    None
}
