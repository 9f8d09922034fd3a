//! Where things are: the repository's root, the build output, the tools, the source files.

use std::path::{Path, PathBuf};

const NOT_OURS: [&str; 4] = ["target", "node_modules", "__pycache__", "everspan-data"];

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder
        .ancestors()
        .nth(2)
        .expect("crates/xtask lies two below the root")
        .to_owned()
}

/// Where cargo builds: `CARGO_TARGET_DIR`, or `target`.
pub(crate) fn target() -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root().join(named)
}

/// Where the stories' tools are installed.
pub(crate) fn tools() -> PathBuf {
    target().join("tools")
}

/// All files with this extension below `folder`, sorted; no build output, no hidden folders.
pub(crate) fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && !is_foreign(&name) {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The folders below `crates/`, sorted.
pub(crate) fn crate_folders(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root.join("crates"))
        .into_iter()
        .flatten()
        .flatten();
    let mut folders: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// The path as it is written in a message: from the root on.
pub(crate) fn shown(path: &Path) -> String {
    let root = root();
    path.strip_prefix(&root).unwrap_or(path).display().to_string()
}

fn is_foreign(name: &str) -> bool {
    name.starts_with('.') || name.starts_with("target-") || NOT_OURS.contains(&name)
}
