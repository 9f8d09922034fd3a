"""A child process that logs to a file, is stopped by its pid only, and dies with the driver."""

import ctypes
import pathlib
import signal
import socket
import subprocess
import time

STOP_TIMEOUT_S = 30
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)
_ports_given = set()


def free_port() -> int:
    """A port nobody listens on, and none that was given out before."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port not in _ports_given:
            _ports_given.add(port)
            return port


def wait_until(check, timeout_s: float, what: str, every_s: float = 0.05):
    """The first true value of `check()`; fails with `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = check()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(every_s)


class Process:
    """One command that can be started, stopped, killed, and started again."""

    def __init__(self, name: str, command: list, env: dict, log: pathlib.Path):
        self.name = name
        self.command = [str(word) for word in command]
        self.env = env
        self.log = log
        self.child = None

    def start(self):
        assert self.child is None, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
            )

    def alive(self) -> bool:
        return self.child is not None and self.child.poll() is None

    def kill(self):
        """SIGKILL, as a crash."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """SIGTERM and a bounded wait; the exit code."""
        return self._end(signal.SIGTERM)

    def log_tail(self, lines: int = 30) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"--- {self.name} log ---\n" + "\n".join(text.splitlines()[-lines:])

    def _end(self, number: int):
        child, self.child = self.child, None
        if child is None:
            return 0
        if child.poll() is None:
            child.send_signal(number)
        try:
            return child.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait(STOP_TIMEOUT_S)
            raise AssertionError(f"{self.name} did not stop in {STOP_TIMEOUT_S} s after signal {number}") from None
