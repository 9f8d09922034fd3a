//! A few seeds of stream jobs on every test run; many more by `cargo xtask sim --jobs --seeds 100000`.

use everspan_sim::jobs::{Mutation, Report, run};

#[test]
fn fifty_seeds_of_jobs_violate_nothing() {
    let mut total = Report::default();
    for seed in 0..50 {
        match run(seed, None, None, false) {
            Ok(report) => total += report,
            Err(violation) => panic!("{violation:#?}"),
        }
    }
    let did_much = [
        total.crashes,
        total.savepoints,
        total.unaligned,
        total.rescales,
        total.runs_on_disk,
    ];
    assert!(did_much.iter().all(|number| *number > 0), "{total:?}");
}

#[test]
fn the_same_seed_of_a_job_does_the_same() {
    // The last two with state on disk.
    for seed in [3, 7, 6, 14] {
        let twice = [run(seed, None, None, false), run(seed, None, None, false)];
        let [Ok(first), Ok(second)] = twice else {
            panic!("{twice:?}")
        };
        assert_eq!(first, second);
    }
}

#[test]
fn a_source_that_forgets_its_place_is_caught() {
    let caught = (0..200).find_map(|seed| run(seed, Some(Mutation::SourceForgets), None, false).err());
    assert!(caught.is_some(), "the checker can fail");
}

#[test]
fn a_sink_that_commits_at_the_barrier_is_caught() {
    let caught = (0..200).find_map(|seed| run(seed, Some(Mutation::CommitsAtTheBarrier), None, false).err());
    let violation = caught.expect("the checker can fail");
    assert!(violation.message.contains("no checkpoint"), "{violation:#?}");
}
