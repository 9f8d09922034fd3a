//! `docs/BENCHMARKS.md`, where each benchmark's table stands between two marks.

use std::fs;
use std::path::Path;

use crate::Result;

/// Replaces the table of the benchmark of this name.
pub(crate) fn write(name: &str, table: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/BENCHMARKS.md");
    let begin = format!("<!-- bench:{name} begin (written by bench/{name}) -->");
    let end = format!("<!-- bench:{name} end -->");
    let page = fs::read_to_string(&path)?;
    let (before, rest) = page
        .split_once(&begin)
        .ok_or_else(|| format!("docs/BENCHMARKS.md has no place for the table of {name}"))?;
    let (_, after) = rest
        .split_once(&end)
        .ok_or_else(|| format!("the place for the table of {name} has no end"))?;
    let page = [before, &begin, "\n", table, &end, after].concat();
    Ok(fs::write(&path, page)?)
}
