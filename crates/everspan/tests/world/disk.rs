//! A small disk that can be filled.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// A mounted file system in memory.
pub(crate) struct SmallDisk {
    dir: tempfile::TempDir,
}

impl SmallDisk {
    /// Mounts one of so many MiB; `None` where that is not allowed.
    pub(crate) fn mount(mib: u32) -> Option<Self> {
        let disk = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let size = format!("size={mib}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(disk.path());
        let status = mount.stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success()).then_some(disk)
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Takes all free space.
    pub(crate) fn fill(&self) {
        let mut ballast = std::fs::File::create(self.path().join("ballast")).unwrap();
        let piece = vec![0; 64 << 10];
        while ballast.write_all(&piece).is_ok() {}
    }

    /// Gives it back.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.path()).status());
    }
}
