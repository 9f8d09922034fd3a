"""Where a server or program spends its CPU: `perf record` over a run, top symbols by self time under each thread name."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections import defaultdict
from contextlib import ExitStack
from pathlib import Path

from .load import run_load
from .process import BenchError, Process
from .program import run_program
from .servers import Server
from .trial import WARM_UP_CONNECTIONS, Plan, Stage

SAMPLES_PER_SECOND = 997
THREADS_MAX = 12
SYMBOLS_PER_THREAD_MAX = 15
WORKLOAD, CONNECTIONS = "greet", 32


def print_hotspots(plan: Plan, server: Server) -> None:
    """Runs one greet cell under perf and prints the table."""
    recording = plan.out / f"{server.name}.perf.data"
    with ExitStack() as stack:
        stage = Stage(plan, server, stack)
        ingress = stage.running.ingress
        run_load(plan.wrk, ingress, WORKLOAD, WARM_UP_CONNECTIONS, plan.warm_up_seconds)
        argv = [*recorder_of(recording), "-p", str(stage.server.pid)]
        # A bound of its own, so that perf ends even when nobody is left to end it.
        argv += ["--", "sleep", str(plan.cell_seconds + 60)]
        with Process("perf", argv, plan.out / "perf.log") as recorder:
            time.sleep(0.5)
            load = run_load(plan.wrk, ingress, WORKLOAD, CONNECTIONS, plan.cell_seconds)
            recorder.check_alive()
    print(f"{server.name}: {load.requests} calls, {WORKLOAD} with {CONNECTIONS} in flight, {plan.cell_seconds} s")
    print_report(recording)


def print_program_hotspots(argv: list[str], recording: Path, seconds_max: float) -> None:
    """Runs a program under perf to its end and prints the table."""
    run_program([*recorder_of(recording), "--", *argv], recording.with_suffix(".log"), seconds_max)
    print(" ".join(argv[1:]))
    print_report(recording)


def recorder_of(recording: Path) -> list[str]:
    """The start of a `perf record` command; perf is not installed for you."""
    perf = shutil.which("perf")
    if not perf:
        raise BenchError("no profile without perf: apt-get install linux-perf")
    return [perf, "record", "-q", "-e", "cpu-clock", "-F", str(SAMPLES_PER_SECOND), "-g", "-o", str(recording)]


def print_report(recording: Path) -> None:
    report = ["perf", "report", "-i", str(recording), "--stdio", "--no-children", "-g", "none", "--no-inline"]
    report += ["--sort", "comm,symbol", "-F", "overhead,comm,symbol", "-t", ";"]
    done = subprocess.run(report, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise BenchError(f"perf report failed:\n{done.stderr}")
    print(by_thread(done.stdout))
    print(f"\nwith call graphs: perf report -i {recording}")


def by_thread(report: str) -> str:
    """Adds up perf's `percent;thread;symbol` lines per thread name, the busiest first.

    Threads that differ only in their number are one name: `worker-0` and `worker-1` are `worker-N`.
    """
    threads: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for line in report.splitlines():
        parts = [part.strip() for part in line.split(";")]
        if line.startswith("#") or len(parts) < 3:
            continue
        threads[re.sub(r"\d+$", "N", parts[1])][parts[2]] += float(parts[0].rstrip("%"))
    shares = sorted(((sum(symbols.values()), name) for name, symbols in threads.items()), reverse=True)
    lines = []
    for total, name in shares[:THREADS_MAX]:
        lines.append(f"\n{total:5.1f} %  thread {name}")
        busiest = sorted(((share, symbol) for symbol, share in threads[name].items()), reverse=True)
        lines += [f"  {share:5.1f} %  {symbol}" for share, symbol in busiest[:SYMBOLS_PER_THREAD_MAX]]
    return "\n".join(lines)
