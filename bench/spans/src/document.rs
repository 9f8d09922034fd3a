//! `docs/BENCHMARKS.md`, where the table stands between two marks.

use std::fs;
use std::path::Path;

use crate::Result;

const BEGIN: &str = "<!-- bench:spans begin (written by bench/spans) -->";
const END: &str = "<!-- bench:spans end -->";

pub(crate) fn write(table: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/BENCHMARKS.md");
    let page = fs::read_to_string(&path)?;
    let (before, rest) = page
        .split_once(BEGIN)
        .ok_or("docs/BENCHMARKS.md has no place for the table of spans")?;
    let (_, after) = rest
        .split_once(END)
        .ok_or("the place for the table of spans has no end")?;
    Ok(fs::write(
        &path,
        [before, BEGIN, "\n", table, END, after].concat(),
    )?)
}
