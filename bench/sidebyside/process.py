"""Child processes: start, watch through /proc, end by pid. Nothing here outlives its `with` block."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
STOP_SECONDS_MAX = 30.0
POLL_SECONDS = 0.005


class BenchError(Exception):
    """The run cannot go on or must not count; the message says what to do."""


class Process:
    """One running program with its output in a log file. Leaving the `with` block ends it."""

    def __init__(self, name: str, argv: list[str], log: Path, env: dict[str, str] | None = None):
        self.name = name
        self.log = log
        self.started = time.monotonic()
        self.started_ns = time.time_ns()
        with log.open("wb") as out:
            self.child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(env or {})},
            )
        self.pid = self.child.pid

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> float | None:
        """SIGTERM, then SIGKILL after 30 s. Seconds the orderly stop took; None if it had to be killed."""
        begun = time.monotonic()
        if self.child.poll() is None:
            self.child.terminate()
        try:
            self.child.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            return None
        return time.monotonic() - begun

    def check_alive(self) -> None:
        code = self.child.poll()
        if code is not None:
            raise BenchError(f"{self.name} ended with code {code}; its last words:\n{self.tail()}")

    def tail(self, lines: int = 15) -> str:
        text = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in text[-lines:])

    def cpu_seconds(self) -> float:
        """User and system time of the process and of those it started, threads that have ended included."""
        return sum(_cpu_ticks(pid) for pid in self._family()) / TICKS_PER_SECOND

    def memory_mb(self, field: str = "VmRSS") -> float:
        """Resident memory now (`VmRSS`) or at its highest (`VmHWM`), in MiB, with that of the processes it started."""
        return sum(self._figure(pid, "status", field) for pid in self._family()) / 1024

    def written_bytes(self) -> int:
        """Bytes the process and those it started have caused to be sent to the disk."""
        return sum(self._figure(pid, "io", "write_bytes") for pid in self._family())

    def _family(self) -> list[int]:
        """The process, and those it started that still run: a server may send its spans by a process of its own."""
        return [self.pid, *(pid for pid in _pids() if _parent(pid) == self.pid)]

    def _figure(self, pid: int, file: str, field: str) -> int:
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
        raise BenchError(f"{self.name} has no {field} in /proc/{pid}/{file}")


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """The fields of a process's `stat` from its state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _parent(pid: int) -> int:
    """0 of a process that has ended meanwhile, or that nobody has waited for yet."""
    try:
        state, parent = _stat(pid)[:2]
    except OSError:
        return 0
    return 0 if state == "Z" else int(parent)


def _cpu_ticks(pid: int) -> int:
    return sum(int(ticks) for ticks in _stat(pid)[11:13])


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that were free a moment ago, all different."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


def wait_for_http(process: Process, urls: list[str], seconds_max: float = 60.0) -> None:
    """Returns once every URL has answered 200; fails when the process ends first."""
    deadline = time.monotonic() + seconds_max
    waiting = list(urls)
    while time.monotonic() < deadline:
        process.check_alive()
        waiting = [url for url in waiting if not _answers(url)]
        if not waiting:
            return
        time.sleep(POLL_SECONDS)
    raise BenchError(f"{process.name}: no 200 from {waiting} within {seconds_max:.0f} s\n{process.tail()}")


def wait_for_port(process: Process, port: int, seconds_max: float = 10.0) -> None:
    deadline = time.monotonic() + seconds_max
    while time.monotonic() < deadline:
        process.check_alive()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(POLL_SECONDS)
    raise BenchError(f"{process.name} does not listen on port {port} after {seconds_max:.0f} s")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return response.status == 200
    except (urllib.error.URLError, OSError):
        return False
