//! The processes as the system shows them.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

/// Those that send spans for a server on this data directory, or did for one before it.
pub(crate) fn senders_of(data: &Path) -> Vec<u32> {
    let spool = data.join("spool/");
    let spool = spool.as_os_str().as_bytes();
    let is_ours = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        matches!(words[..], [_, b"span-sender", dir, ..] if dir.starts_with(spool))
    };
    let entries = std::fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(is_ours).collect()
}

pub(crate) fn signal(name: &str, pids: &[u32]) {
    assert!(!pids.is_empty(), "nobody to signal");
    for pid in pids {
        let kill = format!("kill -{name} {pid}");
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }
}
