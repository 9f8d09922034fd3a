//! Cargo, as if it were called by hand.

use std::process::Command;

use crate::workspace;

/// A cargo command that starts in the repository's root.
///
/// What `cargo xtask` tells this program about its own package is taken out of the environment: build scripts look at
/// it (that of `ring` does), and everything above them would be built anew at each change between `cargo xtask` and `cargo`.
pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(workspace::root());
    for (name, _) in std::env::vars_os() {
        if is_of_a_package(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    command
}

fn is_of_a_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_"]
        .iter()
        .any(|prefix| variable.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_is_told_nothing_of_this_package() {
        // Tests are told of their package as `cargo xtask` is.
        assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
        let command = command(&["build"]);
        let removed = |name: &str| {
            command
                .get_envs()
                .any(|(key, value)| key == name && value.is_none())
        };
        assert!(removed("CARGO_PKG_NAME") && removed("CARGO_MANIFEST_DIR"));
        assert!(!is_of_a_package("CARGO_TARGET_DIR"));
    }
}
