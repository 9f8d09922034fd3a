//! A disk that ignores one kind of fsync loses something, and the judge notices. Without this the other test might
//! pass because it sees nothing.

use std::collections::BTreeMap;

use crate::history::{History, Picks, Sync};
use crate::image::{Image, Survives};
use crate::judge::Judge;
use crate::recording::Recording;

const PARTITION: &str = "node/partition-5";

/// What may survive on a disk of a control. Most lose something already if nothing unsynced survives; an order that
/// is not kept shows only if something does.
#[derive(Clone, Copy)]
enum Disk {
    Strict,
    Reordering,
}

struct Control<'a> {
    ignored: &'a str,
    ignores: Picks<'a>,
    disk: Disk,
}

impl Control<'_> {
    /// Power cuts, and why some of them are bad.
    fn run(&self, recording: &Recording) -> (usize, BTreeMap<String, usize>) {
        let history = recording.history(&|sync| !(self.ignores)(sync));
        let survives: &[Survives] = match self.disk {
            Disk::Strict => &[Survives::Nothing],
            Disk::Reordering => &[Survives::Newest, Survives::Entries],
        };
        bad_cuts(&history, survives)
    }
}

fn bad_cuts(history: &History, survives: &[Survives]) -> (usize, BTreeMap<String, usize>) {
    let mut judge = Judge::new(&history.promises);
    let mut cuts = 0;
    let mut reasons = BTreeMap::new();
    for at in history.crash_points() {
        for &survives in survives {
            let image = Image::after(history, at, survives);
            if let Err(reason) = judge.check(&image, history.promised(at)) {
                *reasons.entry(kind_of(&reason)).or_insert(0) += 1;
            }
            cuts += 1;
        }
    }
    (cuts, reasons)
}

/// Reasons that differ in numbers only are one kind.
fn kind_of(reason: &str) -> String {
    let words = reason.split(' ');
    let words = words.map(|word| {
        if word.contains(|c: char| c.is_ascii_digit()) {
            "#"
        } else {
            word
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Runs `control` and checks that more than one cut in `one_in` is bad.
fn check(recording: &Recording, control: &Control, one_in: usize) {
    let (cuts, reasons) = control.run(recording);
    let bad: usize = reasons.values().sum();
    println!(
        "without {}: {bad} of {cuts} power cuts are bad: {reasons:?}",
        control.ignored
    );
    assert!(
        bad * one_in > cuts,
        "without {}: {bad} of {cuts}",
        control.ignored
    );
}

fn is_in(sync: &Sync, dir: &str, name: impl Fn(&str) -> bool) -> bool {
    let rest = sync.path.strip_prefix(PARTITION).unwrap_or_default();
    rest.rsplit_once('/')
        .is_some_and(|(found, file)| found == dir && name(file))
}

fn is_version(name: &str) -> bool {
    name.strip_prefix('v')
        .is_some_and(|number| number.parse::<u64>().is_ok())
}

#[test]
fn every_kind_of_fsync_is_missed() {
    let Some(recording) = Recording::shared() else {
        return;
    };
    let kinds: [(&str, Picks); 9] = [
        ("the fsync of tables", &|sync| {
            is_in(sync, "/tree/tables", |_| true)
        }),
        ("the fsync of tables/", &|sync| {
            is_in(sync, "/tree", |name| name == "tables")
        }),
        ("the fsync of v<N>", &|sync| is_in(sync, "/tree", is_version)),
        ("the fsync of current", &|sync| {
            is_in(sync, "/tree", |name| {
                name.starts_with(".tmp") || name == "current"
            })
        }),
        ("the fsync of tree/", &|sync| {
            is_in(sync, "", |name| name == "tree")
        }),
        ("the fsync of PARTITION", &|sync| {
            is_in(sync, "", |name| name != "tree")
        }),
        ("the fsync of the state's directory", &|sync| {
            sync.path == PARTITION
        }),
        ("the fsync of its parent", &|sync| sync.path == "node"),
        ("the fsync of the parent's parent", &|sync| sync.path.is_empty()),
    ];
    for (ignored, ignores) in kinds {
        let disk = Disk::Strict;
        check(
            recording,
            &Control {
                ignored,
                ignores,
                disk,
            },
            2,
        );
    }
}

#[test]
fn each_fsync_of_a_flush_is_missed() {
    let Some(recording) = Recording::shared() else {
        return;
    };
    let created = recording.history(&|_| true).promises[0].at;
    let tree = |sync: &Sync| is_in(sync, "", |name| name == "tree") && sync.at > created;
    let tables = |sync: &Sync| is_in(sync, "/tree", |name| name == "tables") && sync.at > created;
    let current = |sync: &Sync| is_in(sync, "/tree", |name| name.starts_with(".tmp"));
    let check = |ignored, ignores: Picks, disk, one_in| {
        check(
            recording,
            &Control {
                ignored,
                ignores,
                disk,
            },
            one_in,
        );
    };
    check("the fsync of tables/ in a flush", &tables, Disk::Strict, 2);
    check("the fsyncs of tree/ in a flush", &tree, Disk::Strict, 2);
    // The next flush's fsync makes up for this one.
    let behind_current = |sync: &Sync| tree(sync) && sync.renamed;
    check(
        "the fsync of tree/ behind current",
        &behind_current,
        Disk::Strict,
        20,
    );
    let before_current = |sync: &Sync| tree(sync) && !sync.renamed;
    check(
        "the fsync of tree/ before current",
        &before_current,
        Disk::Reordering,
        200,
    );
    // The fsync of `current` behind the rename comes too late.
    check(
        "the fsync of current before it has its name",
        &current,
        Disk::Reordering,
        200,
    );
}
