//! The tables of `docs/TRACING.md`, written from the catalog. `EVERSPAN_BLESS=1 cargo test -p everspan-trace` rewrites
//! them.
//!
//! A table stands between `<!-- catalog:NAME -->` and `<!-- end -->`; [`table`] knows the names.

mod tables {
    pub(crate) mod render;
}

use std::path::Path;

use everspan_trace::catalog::{CHECKPOINT_SCOPE, INVOCATION_SCOPE};
use tables::render;

const BEGIN: &str = "<!-- catalog:";
const BEGIN_ENDS: &str = " -->\n";
const END: &str = "<!-- end -->";

/// What users are told about now.
const SHOWN: [&str; 6] = [
    "spans",
    "attributes",
    "events",
    "event-attributes",
    "checkpoint-spans",
    "checkpoint-attributes",
];

fn table(name: &str) -> String {
    match name {
        "spans" => render::spans(INVOCATION_SCOPE),
        "attributes" => render::attributes(INVOCATION_SCOPE),
        "events" => render::events(INVOCATION_SCOPE),
        "event-attributes" => render::event_attributes(INVOCATION_SCOPE),
        "checkpoint-spans" => render::spans(CHECKPOINT_SCOPE),
        "checkpoint-attributes" => render::attributes(CHECKPOINT_SCOPE),
        _ => panic!("docs/TRACING.md asks for the table catalog:{name}, which is none of the known ones"),
    }
}

/// The page with every table written anew, and the names of the tables.
fn with_tables(page: &str) -> (String, Vec<&str>) {
    let (mut out, mut names, mut rest) = (String::new(), Vec::new(), page);
    while let Some((before, after)) = rest.split_once(BEGIN) {
        let (name, after) = after
            .split_once(BEGIN_ENDS)
            .expect("the mark of a table ends its line");
        let (_, after) = after.split_once(END).expect("a table ends with its end mark");
        out += &[before, BEGIN, name, BEGIN_ENDS, "\n", &table(name), "\n", END].concat();
        names.push(name);
        rest = after;
    }
    (out + rest, names)
}

#[test]
fn the_page_on_tracing_has_the_tables_of_the_catalog() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/TRACING.md");
    let found = std::fs::read_to_string(&path).expect("the page is there");
    let (wanted, names) = with_tables(&found);
    for name in SHOWN {
        assert!(
            names.contains(&name),
            "docs/TRACING.md lacks the table catalog:{name}"
        );
    }
    if std::env::var_os("EVERSPAN_BLESS").is_some() {
        std::fs::write(&path, &wanted).expect("the page can be written");
    }
    let found = std::fs::read_to_string(&path).expect("the page is there");
    assert!(
        found == wanted,
        "docs/TRACING.md is out of date: run EVERSPAN_BLESS=1 cargo test -p everspan-trace"
    );
}

#[test]
fn tables_are_found_by_their_marks_and_nothing_else_is_changed() {
    let page = "a\n<!-- catalog:events -->\nold\n<!-- end -->\nb <!-- end -->";
    let (written, names) = with_tables(page);
    assert_eq!(names, ["events"]);
    let expected = format!(
        "a\n<!-- catalog:events -->\n\n{}\n<!-- end -->\nb <!-- end -->",
        render::events(INVOCATION_SCOPE)
    );
    assert_eq!(written, expected);
    assert_eq!(with_tables(&written).0, written);
}

#[test]
fn every_table_has_its_rows() {
    for (name, row) in [
        ("spans", "| `invocation-attempt <target>` | CLIENT |"),
        ("attributes", "| `everspan.attempt.number` | int | attempt |"),
        ("attributes", "| `restate.invocation.id` | string | all |"),
        ("attributes", "| `service.name` | string | resource |"),
        ("events", "| `restate.invocation.lifecycle.suspended` | attempt |"),
        (
            "event-attributes",
            "| `everspan.journal.index` | int | `new_command`, `run_ended` |",
        ),
        ("checkpoint-spans", "| `JobInitialization` | INTERNAL |"),
        (
            "checkpoint-attributes",
            "| `maxMailboxStartDurationMs`, `sumMailboxStartDurationMs` | int | `JobInitialization`, `JobInitialization_Task` |",
        ),
    ] {
        assert!(
            table(name).lines().any(|line| line.starts_with(row)),
            "{name}: {}",
            table(name)
        );
    }
}
