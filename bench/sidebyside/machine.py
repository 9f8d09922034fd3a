"""What the figures depend on and the reader cannot see: processor, kernel, file system, price of a sync."""

from __future__ import annotations

import os
import platform
import statistics
import time
from pathlib import Path

from .process import BenchError

SYNC_PROBES = 200
SYNC_PROBE_BYTES = 4096


def describe(data: Path) -> dict[str, object]:
    """Facts of the machine; `data` is where the servers will write. Fails on a disk that is memory."""
    data.mkdir(parents=True, exist_ok=True)
    kind = filesystem(data)
    if kind in ("tmpfs", "ramfs"):
        raise BenchError(f"{data} is {kind}: a sync costs nothing there; choose a disk with --out")
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": cpu_model(),
        "kernel": f"{platform.system()} {platform.release()}",
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "filesystem": kind,
        "fdatasync_p50_us": sync_microseconds(data),
        "load1_before": round(os.getloadavg()[0], 2),
    }


def cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def filesystem(path: Path) -> str:
    """Type of the file system that holds `path`."""
    best, kind = "", "unknown"
    target = f"{path.resolve()}/"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, mount_kind = line.split()[:3]
        if target.startswith(mount.rstrip("/") + "/") and len(mount) >= len(best):
            best, kind = mount, mount_kind
    return kind


def sync_microseconds(directory: Path) -> int:
    """Median of appending 4 KiB and waiting for the disk."""
    probe = directory / "sync-probe"
    samples = []
    with probe.open("wb", buffering=0) as file:
        for _ in range(SYNC_PROBES):
            begun = time.perf_counter()
            file.write(bytes(SYNC_PROBE_BYTES))
            os.fdatasync(file.fileno())
            samples.append(time.perf_counter() - begun)
    probe.unlink()
    return round(statistics.median(samples) * 1e6)


def disk_bytes(directory: Path) -> tuple[int, int]:
    """(apparent, allocated) bytes of all files below. Files that vanish meanwhile are not counted."""
    apparent = allocated = 0
    for root, _, files in os.walk(directory):
        for name in files:
            try:
                status = os.lstat(os.path.join(root, name))
            except FileNotFoundError:
                continue
            apparent += status.st_size
            allocated += status.st_blocks * 512
    return apparent, allocated
