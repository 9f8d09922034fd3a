"""What tracing costs: two servers of one kind side by side, one with a collector and one without, called in turns.

Both live through the whole block and are called in short cells, on off off on …, so that what the machine does meanwhile
meets both alike. Each pair of neighbouring cells gives one ratio.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack

from . import servers
from .load import run_load
from .process import Process, free_ports, wait_for_port
from .receiver import Receiver
from .trial import SETTLE_SECONDS, WARM_UP_CONNECTIONS, Plan, Row, fresh_folder, load_problems


def run_pairs(plan: Plan, server: servers.Server, block: int, pairs: int) -> Iterator[Row]:
    """One block: fresh servers, a warm-up, then `pairs` pairs for each cell of the plan."""
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver(plan.receiver, plan.out / "receiver.log"))
        port = free_ports(1)[0]
        service = Process("service", [plan.service], plan.out / "service.log", {"PORT": str(port)})
        wait_for_port(stack.enter_context(service), port)
        both: dict[str, servers.Running] = {}
        for tracing, endpoint in (("on", receiver.endpoint), ("off", None)):
            data = fresh_folder(plan, server, stack, tracing)
            log = plan.out / f"{server.name}-{tracing}.log"
            both[tracing] = servers.start(server, data, log, endpoint)
            stack.enter_context(both[tracing].process)
            servers.register(both[tracing], port)
        for workload in dict(plan.cells):
            for running in both.values():
                run_load(plan.wrk, running.ingress, workload, WARM_UP_CONNECTIONS, plan.warm_up_seconds)
        for workload, connections in plan.cells:
            for pair in range(pairs):
                order = ("on", "off") if (pair + block) % 2 else ("off", "on")
                rows = {tracing: run_one(plan, both[tracing], workload, connections) for tracing in order}
                yield {
                    "kind": "pair",
                    "server": server.name,
                    "block": block,
                    "workload": workload,
                    "connections": connections,
                    "on_us": rows["on"]["cpu_us"],
                    "off_us": rows["off"]["cpu_us"],
                    "ratio": rows["on"]["cpu_us"] / rows["off"]["cpu_us"],
                    "problems": rows["on"]["problems"] + rows["off"]["problems"],
                }
        both["on"].process.stop()
        if not receiver.count_spans():
            yield {"kind": "check", "server": server.name, "problems": ["tracing was on and no span arrived"]}


def run_one(plan: Plan, running: servers.Running, workload: str, connections: int) -> Row:
    """One cell of one server: CPU of its whole process over the calls that were answered."""
    before = running.process.cpu_seconds()
    load = run_load(plan.wrk, running.ingress, workload, connections, plan.cell_seconds)
    time.sleep(SETTLE_SECONDS)
    running.process.check_alive()
    spent = running.process.cpu_seconds() - before
    return {"cpu_us": spent / max(load.requests, 1) * 1e6, "problems": load_problems(load)}
