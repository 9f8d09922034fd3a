"""The two servers: same duties, each with its own defaults; only addresses, folder and tracing are set."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .load import check_answers, post
from .process import BenchError, Process, free_ports, wait_for_http

REGISTER_SECONDS_MAX = 15.0


@dataclass(frozen=True)
class Server:
    """How to run one of the two; `settings` are extra variables from the command line."""

    name: str
    binary: str
    prefix: str
    fixed: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    needs_node_port: bool = False


@dataclass
class Running:
    """A server that answers on both its addresses."""

    process: Process
    ingress: str
    admin: str
    start_seconds: float


def everspan(binary: str, settings: dict[str, str]) -> Server:
    return Server("everspan", binary, "EVERSPAN", settings=settings)


def restate(binary: str, settings: dict[str, str]) -> Server:
    """Single node, default configuration: replicated log on the local disk, synced."""
    fixed = {
        "RESTATE_NODE_NAME": "bench",
        "RESTATE_CLUSTER_NAME": "bench",
        "RESTATE_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "1",
        "RESTATE_BIND_IP": "127.0.0.1",
        "RESTATE_LISTEN_MODE": "tcp",
    }
    return Server("restate", binary, "RESTATE", fixed, settings, needs_node_port=True)


def setting(text: str) -> tuple[str, str]:
    """A KEY=VALUE of the command line."""
    key, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text} is not KEY=VALUE")
    return key, value


def said(compared: list[Server]) -> str:
    """What was set on the command line, for the report; empty when nothing was."""
    settings = [f"{key}={value}" for server in compared for key, value in server.settings.items()]
    return f" (set: {', '.join(settings)})" if settings else ""


def start(server: Server, data: Path, log: Path, tracing_endpoint: str | None) -> Running:
    """Starts the server on an empty folder; returns once ingress and admin are healthy. No endpoint is no tracing."""
    ingress_port, admin_port, node_port = free_ports(3)
    ingress, admin = f"http://127.0.0.1:{ingress_port}", f"http://127.0.0.1:{admin_port}"
    prefix = server.prefix
    env = server.fixed | {
        f"{prefix}_INGRESS__BIND_ADDRESS": f"127.0.0.1:{ingress_port}",
        f"{prefix}_ADMIN__BIND_ADDRESS": f"127.0.0.1:{admin_port}",
        f"{prefix}_BASE_DIR": str(data),
        f"{prefix}_LOG_FILTER": "warn",
    }
    if tracing_endpoint:
        env[f"{prefix}_TRACING_ENDPOINT"] = tracing_endpoint
    if server.needs_node_port:
        env[f"{prefix}_BIND_PORT"] = str(node_port)
    process = Process(server.name, [server.binary], log, env | server.settings)
    try:
        wait_for_http(process, [f"{ingress}/restate/health", f"{admin}/health"])
    except BaseException:
        process.stop()
        raise
    return Running(process, ingress, admin, time.monotonic() - process.started)


def register(running: Running, service_port: int) -> None:
    """Tells the server where the service is and waits until every workload answers as it should."""
    deployment = json.dumps({"uri": f"http://127.0.0.1:{service_port}"})
    retry(lambda: post(f"{running.admin}/deployments", deployment))
    retry(lambda: check_answers(running.ingress))


def retry(step: Callable[[], object]) -> None:
    """A healthy server may still need a moment for this; its last refusal is the error."""
    deadline = time.monotonic() + REGISTER_SECONDS_MAX
    while True:
        try:
            step()
            return
        except BenchError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
