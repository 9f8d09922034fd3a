//! The name of this host, as spans tell it.

use std::path::Path;

/// Where Linux says it.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// The name that the system has; `localhost` where it says none.
pub(crate) fn host_name() -> String {
    name_in(Path::new(HOSTNAME)).unwrap_or_else(|| "localhost".to_owned())
}

fn name_in(file: &Path) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let name = text.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_the_name_that_the_system_says_if_it_says_one() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("hostname");
        assert_eq!(name_in(&file), None);
        for (text, name) in [("\n", None), ("box-7\n", Some("box-7"))] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(name_in(&file).as_deref(), name);
        }
    }
}
