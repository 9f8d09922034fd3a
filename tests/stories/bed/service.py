"""A service process with one of the official SDKs, all with the contract of tests/services/CONTRACT.md."""

import os
import pathlib
import sys

from bed import tools
from bed.process import Process, free_port, wait_until

SDKS = ("typescript", "python", "rust")
READY_TIMEOUT_S = 30


class Service:
    def __init__(self, sdk: str, home: pathlib.Path):
        self.port = free_port()
        env = os.environ | {"PORT": str(self.port), "PYTHONDONTWRITEBYTECODE": "1"}
        self.process = Process(f"{sdk} service", _command(sdk), env, home / "service.log")
        self._ready_lines = 0

    def start(self):
        self.process.start()
        self._ready_lines += 1
        wait_until(self._ready, READY_TIMEOUT_S, "the service is ready")

    def kill_and_restart(self):
        self.process.kill()
        self.start()

    def _ready(self) -> bool:
        assert self.process.alive(), "the service ended\n" + self.process.log_tail()
        lines = self.process.log.read_text(errors="replace").splitlines()
        return lines.count("ready") >= self._ready_lines


def _command(sdk: str) -> list:
    if sdk == "typescript":
        return [tools.node(), tools.typescript_service()]
    if sdk == "python":
        return [sys.executable, tools.python_service()]
    return [tools.rust_service()]
