//! Which crate may depend on which: arrows point down only.

use std::path::Path;

use crate::workspace;

/// A crate, by its folder, and the crates of ours it may depend on.
const ARROWS: [(&str, &[&str]); 11] = [
    ("trace", &[]),
    ("export", &["trace"]),
    ("wal", &[]),
    ("state", &[]),
    ("protocol", &[]),
    ("checkpoint", &["trace"]),
    ("stream", &["checkpoint", "state", "trace", "export"]),
    ("durable", &["protocol", "state", "trace"]),
    (
        "everspan",
        &[
            "durable",
            "protocol",
            "checkpoint",
            "state",
            "wal",
            "trace",
            "export",
        ],
    ),
    (
        "sim",
        &[
            "trace",
            "export",
            "wal",
            "state",
            "protocol",
            "checkpoint",
            "durable",
            "stream",
        ],
    ),
    ("xtask", &[]),
];

pub(super) fn check(root: &Path) -> Vec<String> {
    let folders = workspace::crate_folders(root);
    let manifest = |folder: &Path| std::fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let name = |folder: &Path| {
        folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    };
    folders
        .iter()
        .flat_map(|folder| check_crate(&name(folder), &manifest(folder)))
        .collect()
}

fn check_crate(name: &str, manifest: &str) -> Vec<String> {
    let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == name) else {
        return vec![format!("crates/{name} is not in the table of arrows")];
    };
    own_dependencies(manifest)
        .into_iter()
        .filter(|dependency| !allowed.contains(&dependency.as_str()))
        .map(|dependency| format!("crates/{name} must not depend on {dependency}"))
        .collect()
}

/// The crates of ours that a manifest names in any dependency section, without their prefix.
fn own_dependencies(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_dependencies = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            in_dependencies = section.ends_with("dependencies");
            if let Some((_, dependency)) = section.split_once("dependencies.") {
                found.extend(own_name(dependency));
            }
        } else if in_dependencies {
            found.extend(line.split(['=', '.', ' ']).next().and_then(own_name));
        }
    }
    found
}

fn own_name(dependency: &str) -> Option<String> {
    match dependency {
        "everspan" | "xtask" => Some(dependency.to_owned()),
        _ => dependency.strip_prefix("everspan-").map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependencies_are_found_in_every_section_and_spelling() {
        let manifest = "
            [package]
            name = \"everspan-durable\"
            [dependencies]
            everspan-trace = { workspace = true }
            everspan-state.workspace = true
            serde = \"1\"
            [dev-dependencies]
            everspan-wal = { path = \"../wal\" }
            [target.'cfg(unix)'.dependencies.everspan-sim]
            workspace = true
            [features]
            everspan-export = []";
        assert_eq!(own_dependencies(manifest), ["trace", "state", "wal", "sim"]);
    }

    #[test]
    fn an_arrow_that_points_up_is_named() {
        let up = "[dependencies]\neverspan = { workspace = true }";
        assert_eq!(
            check_crate("trace", up),
            ["crates/trace must not depend on everspan"]
        );
        assert_eq!(
            check_crate("new", ""),
            ["crates/new is not in the table of arrows"]
        );
        let down = "[dependencies]\neverspan-trace = { workspace = true }";
        assert!(check_crate("export", down).is_empty());
    }

    #[test]
    fn the_table_has_no_circle_and_nothing_depends_on_the_tests() {
        for (index, (name, allowed)) in ARROWS.iter().enumerate() {
            for dependency in *allowed {
                assert!(
                    !["sim", "xtask"].contains(dependency),
                    "{name} depends on {dependency}"
                );
                assert!(
                    ARROWS[..index].iter().any(|(lower, _)| lower == dependency),
                    "{name}: {dependency}"
                );
            }
        }
    }
}
