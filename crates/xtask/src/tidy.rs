//! `cargo xtask tidy`: the repository's own rules. The same checks are tests of this crate.
//!
//! Each rule is one file with a `check(root)` that returns what is wrong, one sentence each.

mod arrows;
mod docs;
mod links;
mod names;
mod sizes;

use std::path::Path;

use crate::workspace;

/// A rule: what it is called, and how it is checked.
type Rule = (&'static str, fn(&Path) -> Vec<String>);

const RULES: [Rule; 5] = [
    ("arrows", arrows::check),
    ("sizes", sizes::check),
    ("names", names::check),
    ("links", links::check),
    ("docs", docs::check),
];

pub(crate) fn run() -> Result<(), String> {
    let wrong: Vec<String> = RULES
        .iter()
        .flat_map(|(rule, check)| {
            check(&workspace::root())
                .into_iter()
                .map(move |sentence| format!("{rule}: {sentence}"))
        })
        .collect();
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(wrong.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_repository_is_tidy() {
        if let Err(wrong) = super::run() {
            panic!("{wrong}");
        }
    }
}
