//! Names say what a thing is: no drawers, no `mod.rs`.

use std::path::Path;

use crate::workspace::{files_below, shown};

const REFUSED: [&str; 7] = ["utils", "util", "common", "helpers", "manager", "misc", "mod"];

pub(super) fn check(root: &Path) -> Vec<String> {
    files_below(root, "rs")
        .iter()
        .filter_map(|path| check_name(path))
        .collect()
}

fn check_name(path: &Path) -> Option<String> {
    let name = path.file_stem()?.to_str()?;
    REFUSED
        .contains(&name)
        .then(|| format!("{} says nothing: name it after what it does", shown(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawer_is_named() {
        assert!(check_name(Path::new("crates/state/src/utils.rs")).is_some());
        assert!(check_name(Path::new("crates/state/src/lib.rs")).is_none());
    }
}
