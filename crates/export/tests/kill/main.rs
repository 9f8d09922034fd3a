//! A process that writes records and their spans is killed again and again, in the midst of its work and of its start.
//! In the end the collector outside has every span of every record, and none twice but those of a request that was
//! under way.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "the child tells its parent that it is ready")]

mod child;
mod collector;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use collector::{Collector, Request};

const KILLS: u64 = 36;
/// Records are few enough that the test is short, and many enough that every kill meets some.
const END: Duration = Duration::from_secs(120);

/// Not a test: what the test below starts and kills.
#[test]
#[ignore = "a process of the test in this file"]
fn child() {
    child::run();
}

fn start_child(dir: &Path, address: &str, life: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(child::DIR, dir)
        .env(child::COLLECTOR, address)
        .env(child::LIFE, life.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_until_ready(child: &mut Child) {
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(
        lines.any(|line| line.unwrap().contains(child::READY)),
        "the child ended"
    );
}

/// Numbers that look random and are the same in every run.
fn mix(number: u64) -> u64 {
    (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_again_and_again_loses_no_span_and_repeats_only_what_was_under_way() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::start().await;
    for life in 0..KILLS {
        collector.set_away(life % 6 == 3 || life % 6 == 4);
        let mut child = start_child(dir.path(), &collector.address, life);
        if life % 4 != 3 {
            wait_until_ready(&mut child);
        }
        tokio::time::sleep(Duration::from_millis(mix(life) % 120)).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    collector.set_away(false);
    std::fs::write(dir.path().join(child::STOP), "").unwrap();
    let mut last = start_child(dir.path(), &collector.address, KILLS);
    let ended = tokio::time::timeout(END, tokio::task::spawn_blocking(move || last.wait()));
    assert!(ended.await.unwrap().unwrap().unwrap().success());
    let records = child::records(dir.path());
    assert!(records > child::RECORDS_MIN, "only {records} records");
    check(&collector.requests(), records);
}

fn check(requests: &[Request], records: u64) {
    let mut first: BTreeMap<u64, usize> = BTreeMap::new();
    let mut repeated = 0;
    for (index, request) in requests.iter().enumerate() {
        for (number, span) in &request.spans {
            let Some(earlier) = first.get(number) else {
                first.insert(*number, index);
                continue;
            };
            repeated += 1;
            let before = &requests[*earlier];
            assert!(
                is_last_of_its_life(requests, *earlier),
                "span {number} was noted, and came again"
            );
            assert!(
                before.life < request.life,
                "span {number} came twice from one process"
            );
            assert_eq!(before.spans.get(number), Some(span), "the same bytes");
        }
    }
    let lost: Vec<u64> = (1..=records)
        .filter(|number| !first.contains_key(number))
        .collect();
    assert!(lost.is_empty(), "{} of {records} are lost: {lost:?}", lost.len());
    println!(
        "{records} spans in {} requests, {KILLS} kills: 0 lost, {repeated} repeated with a request under way",
        requests.len()
    );
}

fn is_last_of_its_life(requests: &[Request], index: usize) -> bool {
    let life = requests[index].life;
    !requests[index + 1..].iter().any(|request| request.life == life)
}
