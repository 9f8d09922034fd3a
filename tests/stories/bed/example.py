"""The services of `examples/tracing-*`, run as their `run.sh` runs them, from packages that are installed already."""

import os
import pathlib
import shutil
import socket
import sys

import pytest

from bed import tools
from bed.process import Process, free_port, wait_until

LANGUAGES = ("typescript", "python", "rust")
READY_TIMEOUT_S = 30


class Example:
    """One example on a port of its own; its spans go to the collector at `otlp_port` by OTLP over HTTP."""

    def __init__(self, language: str, home: pathlib.Path, otlp_port: int):
        self.port = free_port()
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("OTEL_")}
        env = inherited | {
            "PORT": str(self.port),
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{otlp_port}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.process = Process(f"{language} example", _command(language), env, home / "example.log")

    def start(self):
        self.process.start()
        wait_until(self._listens, READY_TIMEOUT_S, "the example listens")

    def _listens(self) -> bool:
        assert self.process.alive(), "the example ended\n" + self.process.log_tail()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def _command(language: str) -> list:
    source = tools.ROOT / "examples" / f"tracing-{language}"
    if language == "typescript":
        return [tools.node(), _beside_packages(source)]
    if language == "python":
        pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason=f"pip install -r {source}/requirements.txt")
        return [sys.executable, str(source / "service.py")]
    return [tools.existing("EXAMPLE_RUST", tools.TOOLS / "rust-example/debug/everspan-tracing-rust", "cargo xtask test")]


def _beside_packages(source: pathlib.Path) -> str:
    """The TypeScript example, copied beside its installed packages."""
    home = tools.TOOLS / "example-typescript"
    if not (home / "node_modules/@restatedev/restate-sdk-opentelemetry").exists():
        pytest.skip(f"{home} has no packages: run cargo xtask test, it runs npm ci there")
    for file in source.glob("*.ts"):
        shutil.copy(file, home / file.name)
    return str(home / "service.ts")
