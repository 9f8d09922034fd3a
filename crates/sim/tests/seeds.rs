//! A few seeds on every test run; many more by `cargo run --release -p everspan-sim -- --seeds 100000`.

use everspan_sim::{Mutation, run};

#[test]
fn fifty_seeds_violate_nothing() {
    let (mut checkpoints, mut restores) = (0, 0);
    for seed in 0..50 {
        match run(seed, None, false) {
            Ok(report) => {
                checkpoints += report.checkpoints;
                restores += report.restores;
            }
            Err(violation) => panic!("{violation:#?}"),
        }
    }
    assert!(
        checkpoints > 50 && restores > 10,
        "{checkpoints} checkpoints, {restores} restores"
    );
}

#[test]
fn the_same_seed_does_the_same_to_the_last_bit() {
    for seed in [3, 7] {
        let twice = [run(seed, None, false), run(seed, None, false)];
        let [Ok(first), Ok(second)] = twice else {
            panic!("{twice:?}")
        };
        assert_eq!(first, second);
    }
}

#[test]
fn effects_that_leave_before_the_sync_are_caught_by_their_consequences() {
    let caught = (0..200).find_map(|seed| run(seed, Some(Mutation::ReleaseBeforeSync), false).err());
    assert!(caught.is_some(), "the checker can fail");
}

#[test]
fn a_state_flushed_before_its_spans_are_safe_is_caught_by_a_span_that_never_arrives() {
    let caught = (0..200).find_map(|seed| run(seed, Some(Mutation::FlushBeforeSpans), false).err());
    let violation = caught.expect("the checker can fail");
    assert!(violation.message.contains("arrives as it is"), "{violation:#?}");
}
