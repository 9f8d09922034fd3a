"""The workloads, and one `wrk` run of one of them."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from .process import BenchError

SCRIPT = Path(__file__).with_name("load.lua")
COUNTER_KEYS = 64
REQUEST_TIMEOUT_SECONDS = 20


@dataclass(frozen=True)
class Workload:
    """What is called: its explanation, and one call with the answer that proves the service is the right one."""

    about: str
    path: str
    body: str
    answer: str


WORKLOADS = {
    "greet": Workload("a handler that answers at once", "/Greeter/greet", '"bob"', '"Hello bob"'),
    "counter": Workload(
        f"get and set of keyed state, {COUNTER_KEYS} keys in turn", "/Counter/probe/add", "0", "0"
    ),
    "runs": Workload("three durable steps (`ctx.run`)", "/Greeter/runs", "1", "7"),
}


@dataclass(frozen=True)
class Load:
    """What wrk saw. Latencies in microseconds."""

    requests: int
    seconds: float
    p50_us: int
    p90_us: int
    p99_us: int
    max_us: int
    errors: dict[str, int]
    generator_cpu_seconds: float


def run_load(wrk: str, ingress: str, workload: str, connections: int, seconds: int) -> Load:
    """Keeps `connections` calls in flight for `seconds` (closed loop, one wrk thread)."""
    argv = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", f"{REQUEST_TIMEOUT_SECONDS}s"]
    before = os.times()
    done = subprocess.run(
        [*argv, "-s", str(SCRIPT), ingress],
        env={**os.environ, "WORKLOAD": workload, "COUNTER_KEYS": str(COUNTER_KEYS)},
        capture_output=True,
        text=True,
        timeout=seconds + 2 * REQUEST_TIMEOUT_SECONDS,
    )
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return parse_result(done.stdout + done.stderr, cpu)


def parse_result(output: str, generator_cpu_seconds: float) -> Load:
    """Reads the RESULT line of load.lua."""
    for line in output.splitlines():
        if line.startswith("RESULT "):
            values = json.loads(line.removeprefix("RESULT "))
            seconds = values.pop("duration_us") / 1e6
            return Load(seconds=seconds, generator_cpu_seconds=generator_cpu_seconds, **values)
    raise BenchError(f"wrk printed no result:\n{output}")


def check_answers(ingress: str) -> None:
    """One call per workload: a server that answers fast and wrong is not measured."""
    for name, workload in WORKLOADS.items():
        answer = post(ingress + workload.path, workload.body)
        if answer != workload.answer:
            raise BenchError(f"{name} answered {answer}, expected {workload.answer}")


def counter_total(ingress: str) -> int:
    """Sum over all counters, read through the service itself."""
    return sum(int(post(f"{ingress}/Counter/k{key}/add", "0")) for key in range(COUNTER_KEYS))


def post(url: str, body: str) -> str:
    """POSTs a JSON body; the answer's text. Raises on anything but 2xx."""
    request = urllib.request.Request(url, body.encode(), {"content-type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_SECONDS) as response:
            return response.read().decode().strip()
    except OSError as error:
        raise BenchError(f"POST {url}: {error}") from error
