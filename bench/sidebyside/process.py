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
        """User and system time of the whole process, threads that have ended included."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND

    def memory_mb(self, field: str = "VmRSS") -> float:
        """Resident memory now (`VmRSS`) or at its highest (`VmHWM`), in MiB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1]) / 1024
        raise BenchError(f"{self.name} has no {field} in /proc/{self.pid}/status")

    def written_bytes(self) -> int:
        """Bytes the process has caused to be sent to the disk."""
        for line in Path(f"/proc/{self.pid}/io").read_text().splitlines():
            if line.startswith("write_bytes:"):
                return int(line.split()[1])
        raise BenchError(f"{self.name} has no write_bytes in /proc/{self.pid}/io")


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
