"""The sink's process, and what it was sent."""

import hashlib
import json
import os
import pathlib
import sys
from collections import defaultdict
from dataclasses import dataclass

import pytest

from bed.otlp import Span, spans_of
from bed.process import Process, free_port, wait_until
from bed.sink import RECORD

READY_TIMEOUT_S = 30


@dataclass
class Request:
    """One export request; `connection` is the sender's port. A refused one has no body."""

    arrival_ns: int
    taken: bool
    connection: int
    body: bytes


@dataclass
class Arrival:
    """One span of one request. `wire` is a hash of its encoding; `last` says that its connection sent nothing after."""

    arrival_ns: int
    span: Span
    wire: bytes
    last: bool


class Sink:
    """The process of `bed.sink`, and its file. It outlives the server under test."""

    def __init__(self, home: pathlib.Path):
        pytest.importorskip("grpc", reason="pip install -r tests/stories/requirements-trace.txt")
        self.port = free_port()
        self.file = home / "arrivals"
        self._mood = home / "arrivals.mood"
        command = [sys.executable, "-m", "bed.sink", self.port, self.file]
        env = os.environ | {"PYTHONPATH": str(pathlib.Path(__file__).resolve().parents[1])}
        self.process = Process("sink", command, env, home / "sink.log")
        self._starts = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process.start()
        self._starts += 1
        wait_until(self._ready, READY_TIMEOUT_S, "the sink is ready")
        return self

    def stop(self):
        """It is away: connections are refused. The request under way is still answered."""
        assert self.process.terminate() == 0, self.process.log_tail()

    def behave(self, **mood):
        """From the next request on: `delay_s`, `refuse_for_s`, or nothing for good behaviour."""
        draft = self._mood.with_suffix(".draft")
        draft.write_text(json.dumps(mood))
        draft.rename(self._mood)

    def headers(self) -> dict:
        """The metadata of the last request."""
        return json.loads(self.file.with_name("arrivals.headers").read_text())

    def requests(self) -> list:
        """Each request so far, in order."""
        data, at, requests = self.file.read_bytes() if self.file.exists() else b"", 0, []
        while at + RECORD.size <= len(data):
            arrival_ns, taken, connection, length = RECORD.unpack_from(data, at)
            at += RECORD.size + length
            if at <= len(data):
                requests.append(Request(arrival_ns, bool(taken), connection, data[at - length : at]))
        return requests

    def arrivals(self) -> list:
        """Each span that was taken so far, in order, repetitions included."""
        requests = self.requests()
        last = {request.connection: number for number, request in enumerate(requests)}
        return [
            Arrival(request.arrival_ns, span, hashlib.sha1(wire).digest(), last[request.connection] == number)
            for number, request in enumerate(requests)
            for span, wire in spans_of(request.body)
        ]

    def _ready(self) -> bool:
        assert self.process.alive(), "the sink ended\n" + self.process.log_tail()
        return self.process.log.read_text().splitlines().count("ready") >= self._starts


def by_identity(arrivals: list) -> dict:
    """(trace id, span id) → its arrivals, in order."""
    found = defaultdict(list)
    for arrival in arrivals:
        found[arrival.span.trace, arrival.span.id].append(arrival)
    return found
