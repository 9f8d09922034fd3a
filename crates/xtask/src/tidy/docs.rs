//! Every crate begins by saying why it exists.

use std::path::Path;

use crate::workspace::{crate_folders, shown};

pub(super) fn check(root: &Path) -> Vec<String> {
    let roots = crate_folders(root).into_iter().flat_map(|folder| {
        ["src/lib.rs", "src/main.rs"]
            .map(|file| folder.join(file))
            .into_iter()
            .filter(|path| path.exists())
    });
    roots
        .filter(|path| {
            !std::fs::read_to_string(path)
                .unwrap_or_default()
                .starts_with("//!")
        })
        .map(|path| format!("{} does not begin with `//!`", shown(&path)))
        .collect()
}
