"""A program that runs to its end and prints one line of JSON; its CPU and memory as the kernel counted them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from .process import BenchError

SAMPLE_SECONDS = 0.01


@dataclass(frozen=True)
class Finished:
    """What the program said, and what it cost from its start to its end."""

    said: dict[str, object]
    cpu_s: float
    wall_s: float
    peak_mb: float
    started_ns: int


def run_program(argv: list[str], log: Path, seconds_max: float) -> Finished:
    """Runs it with its errors in `log`; a program that is not done in time is killed, which is an error."""
    started_ns, begun = time.time_ns(), time.monotonic()
    with log.open("wb") as errors:
        child = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
        limit = threading.Timer(seconds_max, kill, [child])
        limit.start()
        memory = PeakMemory(child.pid)
        memory.start()
        try:
            text = child.stdout.read().decode(errors="replace")
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            kill(child)
            child.wait()
            raise
        finally:
            limit.cancel()
            memory.ended.set()
            memory.join()
            child.stdout.close()
    wall_s = time.monotonic() - begun
    if child.returncode != 0:
        last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise BenchError(f"`{' '.join(argv)}` ended with code {child.returncode} after {wall_s:.0f} s:\n{last}")
    return Finished(
        said=said(text, argv),
        cpu_s=usage.ru_utime + usage.ru_stime,
        wall_s=wall_s,
        peak_mb=memory.seen_mb,
        started_ns=started_ns,
    )


class PeakMemory(threading.Thread):
    """Looks at the highest resident size every 10 ms: the kernel's figure for an ended child includes this Python's."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.status = Path(f"/proc/{pid}/status")
        self.ended = threading.Event()
        self.seen_mb = 0.0

    def run(self) -> None:
        self.look()
        while not self.ended.wait(SAMPLE_SECONDS):
            self.look()

    def look(self) -> None:
        try:
            self.seen_mb = max(self.seen_mb, highest_mb(self.status.read_text()))
        except OSError:
            self.ended.set()


def highest_mb(status: str) -> float:
    """`VmHWM` of a process's status in MiB; 0 for one that has ended and is not yet waited for."""
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0.0)


def kill(child: subprocess.Popen[bytes]) -> None:
    """The program and what it started: a child of its own would hold the output open."""
    os.killpg(child.pid, signal.SIGKILL)


def said(text: str, argv: list[str]) -> dict[str, object]:
    """The last line of the output."""
    lines = text.strip().splitlines()
    try:
        return json.loads(lines[-1])
    except (IndexError, json.JSONDecodeError):
        shown = lines[-1] if lines else "nothing"
        raise BenchError(f"`{' '.join(argv)}` ended its output with {shown!r} instead of a line of JSON") from None
