//! Files stay small. A file that is larger is on the ratchet: it may shrink, not grow.

use std::path::Path;

use crate::workspace::{files_below, shown};

const LINES_MAX: usize = 450;

/// Larger files and the most lines each may have; lower the number when one shrinks.
const RATCHET: [(&str, usize); 0] = [];

pub(super) fn check(root: &Path) -> Vec<String> {
    let files = files_below(root, "rs");
    let lines = |path: &Path| std::fs::read_to_string(path).unwrap_or_default().lines().count();
    files
        .iter()
        .filter_map(|path| check_file(&shown(path), lines(path)))
        .collect()
}

fn check_file(path: &str, lines: usize) -> Option<String> {
    let ratchet = RATCHET
        .iter()
        .find(|(known, _)| *known == path)
        .map(|(_, max)| *max);
    match ratchet {
        Some(_) if lines <= LINES_MAX => Some(format!("{path} has {lines} lines: take it off the ratchet")),
        Some(max) if lines > max => Some(format!("{path} grew to {lines} lines, {max} allowed")),
        None if lines > LINES_MAX => Some(format!(
            "{path} has {lines} lines, {LINES_MAX} allowed: look for the second idea"
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_is_named() {
        assert_eq!(check_file("a.rs", LINES_MAX), None);
        assert!(
            check_file("a.rs", LINES_MAX + 1)
                .unwrap()
                .contains("a.rs has 451 lines")
        );
    }
}
