"""From the end of a span to its arrival at the collector: the first span of a fresh server, then many at a fixed rate."""

from __future__ import annotations

import json
import math
import time
from contextlib import ExitStack
from pathlib import Path

from . import servers
from .pace import run_paced
from .process import BenchError, Process, free_ports, wait_for_port
from .receiver import Receiver
from .trial import Plan, Row, fresh_folder

FIRST_SECONDS_MAX = 30.0
# A collector is asked for spans until it has been silent for this long, in the longest wait of either server and more.
QUIET_SECONDS = 12.0


def run_delay(plan: Plan, server: servers.Server, round_number: int, per_second: int, seconds: int) -> Row:
    """One fresh server: its first span, then `per_second` calls a second for `seconds`."""
    spans_file = plan.out / "spans.jsonl"
    spans_file.unlink(missing_ok=True)
    with ExitStack() as stack:
        data = fresh_folder(plan, server, stack)
        receiver = stack.enter_context(Receiver(plan.receiver, plan.out / "receiver.log", spans_file))
        port = free_ports(1)[0]
        service = Process("service", [plan.service], plan.out / "service.log", {"PORT": str(port)})
        wait_for_port(stack.enter_context(service), port)
        running = servers.start(server, data, plan.out / f"{server.name}.log", receiver.endpoint)
        stack.enter_context(running.process)
        servers.register(running, port)
        first = wait_for_first(spans_file)
        wait_until_quiet(spans_file)
        begun_ns = time.time_ns()
        paced = run_paced(f"{running.ingress}/Greeter/greet", '"bob"', per_second, seconds)
        wait_until_quiet(spans_file)
        running.process.stop()
        receiver.stop()
    delays = [span["recv_ns"] - span["end_ns"] for span in read(spans_file) if span["end_ns"] >= begun_ns]
    if not delays:
        raise BenchError(f"{server.name}: no span of the paced calls arrived")
    return {
        "kind": "delay",
        "server": server.name,
        "round": round_number,
        "first_after_end_ms": (first["recv_ns"] - first["end_ns"]) / 1e6,
        "first_after_start_ms": (first["recv_ns"] - running.process.started_ns) / 1e6,
        "calls": paced.calls,
        "late": paced.late,
        "spans": len(delays),
        "spans_per_second": round(len(delays) / paced.seconds),
        "p50_ms": percentile(delays, 50) / 1e6,
        "p99_ms": percentile(delays, 99) / 1e6,
        "max_ms": max(delays) / 1e6,
        "problems": [f"{paced.late} calls were sent late"] if paced.late else [],
    }


def wait_for_first(spans_file: Path) -> dict:
    """The span that arrived first: one of the calls that tell whether the service answers."""
    deadline = time.monotonic() + FIRST_SECONDS_MAX
    while time.monotonic() < deadline:
        if spans := read(spans_file):
            return min(spans, key=lambda span: span["recv_ns"])
        time.sleep(0.05)
    raise BenchError(f"no span arrived within {FIRST_SECONDS_MAX:.0f} s")


def wait_until_quiet(spans_file: Path) -> None:
    """Until nothing has arrived for a while."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS:
        now = spans_file.stat().st_size
        if now != size:
            size, since = now, time.monotonic()
        time.sleep(0.2)


def read(spans_file: Path) -> list[dict]:
    """Every span so far; a line that is still being written is left out."""
    if not spans_file.exists():
        return []
    text = spans_file.read_text()
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def percentile(values: list[int], percent: float) -> int:
    """The smallest value that at least `percent` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
