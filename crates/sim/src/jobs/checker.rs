//! Compares what became visible with what a plain loop over the input gives.

use std::collections::BTreeMap;

use super::outside::Outside;
use super::plan::Out;
use super::programs::IN_ORDER;
use super::settings::Program;

/// The job has come to its end.
pub(super) fn check(outside: &Outside) {
    let golden = outside.plan.golden(outside.settings.program);
    let results = outside.results();
    if outside.settings.is_exactly_once {
        exactly_once(&golden, &with_late_records(&results));
        in_order(outside);
    } else {
        at_least_once(outside.settings.program, &golden, &results);
    }
}

/// Late records of a window are added to what it counted; a window comes once.
fn with_late_records(results: &BTreeMap<Out, u64>) -> BTreeMap<Out, u64> {
    let mut windows = BTreeMap::<(u32, i64), u64>::new();
    let mut came = BTreeMap::<(u32, i64), u64>::new();
    let mut all = BTreeMap::new();
    for (&out, &times) in results {
        match out {
            Out::Window { key, end, count } => {
                *windows.entry((key, end)).or_default() += count * times;
                *came.entry((key, end)).or_default() += times;
            }
            Out::Late { key, end } => *windows.entry((key, end)).or_default() += times,
            other => {
                all.insert(other, times);
            }
        }
    }
    let twice = came.iter().find(|(_, times)| **times > 1);
    assert!(twice.is_none(), "a window comes out once: {twice:?}");
    let window = |(&(key, end), &count)| (Out::Window { key, end, count }, 1);
    all.extend(windows.iter().map(window));
    all
}

fn exactly_once(golden: &BTreeMap<Out, u64>, results: &BTreeMap<Out, u64>) {
    let missing: Vec<_> = golden
        .iter()
        .filter(|(out, times)| results.get(*out) != Some(*times))
        .collect();
    let surplus: Vec<_> = results
        .iter()
        .filter(|(out, times)| golden.get(*out) != Some(*times))
        .collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "each result is visible exactly once; expected and not so: {missing:?}; visible and not so: {surplus:?}"
    );
}

/// Of each key and split, records pass in their order.
fn in_order(outside: &Outside) {
    let mut next = BTreeMap::<(u32, u32), u32>::new();
    for out in outside.results_of(IN_ORDER) {
        let Out::Passed { key, split, nth } = out else {
            panic!("{out:?} went to {IN_ORDER}");
        };
        let next = next.entry((key, split)).or_default();
        assert_eq!(*next, nth, "record of key {key} of split {split}, in order");
        *next += 1;
    }
    let passed: u32 = next.values().sum();
    if outside.settings.program == Program::Ledger {
        assert_eq!(
            passed as usize,
            outside.plan.events().count(),
            "every record passes"
        );
    }
}

/// Nothing is lost; what comes again may have other counts.
fn at_least_once(program: Program, golden: &BTreeMap<Out, u64>, results: &BTreeMap<Out, u64>) {
    if matches!(program, Program::Ledger | Program::Hops) {
        let is_sure = |out: &Out| matches!(out, Out::Passed { .. } | Out::Count { .. });
        let mut sure = golden.keys().filter(|out| is_sure(out));
        let lost = sure.find(|out| !results.contains_key(out));
        assert!(lost.is_none(), "nothing is lost: {lost:?}");
        return;
    }
    let mut windows = BTreeMap::<(u32, i64), u64>::new();
    for (out, times) in results {
        match *out {
            Out::Window { key, end, count } => *windows.entry((key, end)).or_default() += count * times,
            Out::Late { key, end } => *windows.entry((key, end)).or_default() += times,
            _ => {}
        }
    }
    for out in golden.keys() {
        if let Out::Window { key, end, count } = *out {
            let counted = windows.get(&(key, end)).copied().unwrap_or(0);
            assert!(counted >= count, "nothing is lost of {out:?}: {counted}");
        }
    }
}
