"""One trial: a fresh server, service and receiver; warm-up; every cell; stop. Yields rows of plain data."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from . import machine, servers
from .load import Load, counter_total, run_load
from .process import Process, free_ports, wait_for_port
from .receiver import Receiver

WARM_UP_CONNECTIONS = 32
# Work a server puts off (spans, acknowledgements) is charged to the cell that caused it.
SETTLE_SECONDS = 0.3

Row = dict[str, object]


@dataclass(frozen=True)
class Plan:
    """What is run; the same for both servers."""

    wrk: str
    service: str
    receiver: str
    cells: list[tuple[str, int]]
    cell_seconds: int
    warm_up_seconds: int
    out: Path


def fresh_folder(plan: Plan, server: servers.Server, stack: ExitStack, part: str = "") -> Path:
    """An empty folder for the server's data, removed when the stack is left."""
    folder = plan.out / "data" / f"{server.name}{part}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


class Stage:
    """Everything one trial has running, ended in reverse order."""

    def __init__(self, plan: Plan, server: servers.Server, stack: ExitStack):
        self.data = fresh_folder(plan, server, stack)
        self.receiver = stack.enter_context(Receiver(plan.receiver, plan.out / "receiver.log"))
        port = free_ports(1)[0]
        log = plan.out / "service.log"
        self.service = stack.enter_context(Process("service", [plan.service], log, {"PORT": str(port)}))
        wait_for_port(self.service, port)
        log = plan.out / f"{server.name}.log"
        self.running = servers.start(server, self.data, log, self.receiver.endpoint)
        self.server = stack.enter_context(self.running.process)
        servers.register(self.running, port)


def run_trial(plan: Plan, server: servers.Server, round_number: int) -> Iterator[Row]:
    """Yields one row per cell, then one row about the server as a process."""
    about = {"server": server.name, "round": round_number}
    with ExitStack() as stack:
        stage = Stage(plan, server, stack)
        fresh_apparent, fresh_allocated = machine.disk_bytes(stage.data)
        idle_mb = stage.server.memory_mb()
        calls = Calls()
        for workload in sorted({name for name, _ in plan.cells}):
            load = run_load(plan.wrk, stage.running.ingress, workload, WARM_UP_CONNECTIONS, plan.warm_up_seconds)
            calls.add(workload, load, WARM_UP_CONNECTIONS)
            calls.warm_up_problems += [f"warm-up {workload}: {problem}" for problem in load_problems(load)]
        time.sleep(SETTLE_SECONDS)
        for workload, connections in plan.cells:
            row, load = run_cell(plan, stage, workload, connections)
            calls.add(workload, load, connections)
            yield {"kind": "cell", **about, **row}
        lost = calls.counter_problems(counter_total(stage.running.ingress))
        loaded_mb, peak_mb = stage.server.memory_mb(), stage.server.memory_mb("VmHWM")
        apparent, allocated = machine.disk_bytes(stage.data)
        stop_seconds = stage.server.stop()
        spans = stage.receiver.count_spans()
        yield {
            "kind": "process",
            **about,
            "start_ms": round(stage.running.start_seconds * 1e3),
            "stop_ms": None if stop_seconds is None else round(stop_seconds * 1e3),
            "idle_mb": round(idle_mb, 1),
            "loaded_mb": round(loaded_mb, 1),
            "peak_mb": round(peak_mb, 1),
            "fresh_disk_kb": fresh_allocated // 1024,
            "disk_kb": allocated // 1024,
            "growth_bytes_per_call": round((apparent - fresh_apparent) / max(calls.answered, 1)),
            "calls": calls.answered,
            "spans": spans,
            "problems": calls.warm_up_problems + lost + span_problems(spans) + stop_problems(stop_seconds),
        }


def run_cell(plan: Plan, stage: Stage, workload: str, connections: int) -> tuple[Row, Load]:
    """One wrk run with the counters of /proc read around it."""
    before = reading(stage)
    load = run_load(plan.wrk, stage.running.ingress, workload, connections, plan.cell_seconds)
    time.sleep(SETTLE_SECONDS)
    stage.server.check_alive()
    stage.service.check_alive()
    spent = [after - begun for after, begun in zip(reading(stage), before)]
    per_call = [amount / max(load.requests, 1) for amount in spent]
    row = {
        "workload": workload,
        "connections": connections,
        "requests": load.requests,
        "per_second": round(load.requests / load.seconds),
        "p50_us": load.p50_us,
        "p90_us": load.p90_us,
        "p99_us": load.p99_us,
        "max_us": load.max_us,
        "cpu_us": round(per_call[0] * 1e6, 1),
        "service_cpu_us": round(per_call[1] * 1e6, 1),
        "receiver_cpu_us": round(per_call[2] * 1e6, 1),
        "wrk_cpu_us": round(load.generator_cpu_seconds / max(load.requests, 1) * 1e6, 1),
        "written_bytes": round(per_call[3]),
        "memory_mb": round(stage.server.memory_mb(), 1),
        "load1": round(os.getloadavg()[0], 2),
        "problems": load_problems(load),
    }
    return row, load


def reading(stage: Stage) -> list[float]:
    """CPU seconds of server, service, receiver; bytes written by the server."""
    cpu = [process.cpu_seconds() for process in (stage.server, stage.service, stage.receiver)]
    return [*cpu, stage.server.written_bytes()]


class Calls:
    """All calls of a trial, warm-up included; knows what the counters must add up to."""

    def __init__(self) -> None:
        self.answered = 0
        self.counted = 0
        self.cut_off_max = 0
        self.warm_up_problems: list[str] = []

    def add(self, workload: str, load: Load, connections: int) -> None:
        self.answered += load.requests
        if workload == "counter":
            self.counted += load.requests
            self.cut_off_max += connections

    def counter_problems(self, total: int) -> list[str]:
        """wrk hangs up on the calls still in flight: they may count, answered ones must."""
        if self.counted <= total <= self.counted + self.cut_off_max:
            return []
        return [f"counters hold {total}, answered calls say {self.counted} (+{self.cut_off_max} cut off)"]


def load_problems(load: Load) -> list[str]:
    errors = [f"{count} {name}" for name, count in load.errors.items() if count]
    return errors if load.requests else [*errors, "no call was answered"]


def span_problems(spans: int | None) -> list[str]:
    return ["tracing was on and no span arrived"] if spans == 0 else []


def stop_problems(stop_seconds: float | None) -> list[str]:
    return ["did not stop on SIGTERM and was killed"] if stop_seconds is None else []
