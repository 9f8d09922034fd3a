"""Steady load whose every effect is counted outside, so that a lost or doubled one shows.

Each client thread invokes one thing after the other under an idempotency key of its own, and sends it
again with the same key for as long as the server does not answer. Three kinds take turns: a call of
`Stories/journey`, a call of `Counter/add`, and a send of `Stories/journey` followed by an attach. Every
request has a trace of its own, so that its ingress span can be told from all others.
"""

import http.client
import secrets
import threading
import time
from dataclasses import dataclass, field

from bed.client import Reply

CLIENTS = 100
COUNTERS = 16
STEPS = 3
SLEEP_MS = 20
GIVE_UP_S = 120
REASK_S = 0.1


@dataclass
class Invocation:
    """One thing asked for, under one idempotency key."""

    idempotency_key: str
    path: str
    body: object
    counter: str
    adds: int
    answers: list = field(default_factory=list)


@dataclass
class Request:
    """One HTTP request of a client: the trace it began, and what became of it."""

    trace: str
    span: str
    path: str
    status: int | None = None
    invocation: str | None = None
    took_s: float = 0.0
    began_at: float = 0.0

    @property
    def submits(self) -> bool:
        """Whether it asks for an invocation; the others only ask for a result."""
        return not self.path.startswith("/restate/")

    @property
    def accepted(self) -> bool:
        """Whether the server said that it has the invocation."""
        return self.submits and self.invocation is not None and self.status is not None and self.status < 300


class Load:
    def __init__(self, bed, clients: int = CLIENTS, padding: str = ""):
        self.bed = bed
        self.padding = padding
        self.run_name = bed.unique()
        self.invocations = []
        self.requests = []
        self.failures = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._client, args=(n,), daemon=True) for n in range(clients)]

    def start(self):
        for thread in self._threads:
            thread.start()
        return self

    def answered(self) -> int:
        return sum(bool(one.answers) for one in self.invocations)

    def finish(self):
        """No new invocations; waits until those under way are answered."""
        self._stop.set()
        deadline = time.monotonic() + GIVE_UP_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            assert not thread.is_alive(), f"a client waits for longer than {GIVE_UP_S} s"
        assert not self.failures, self.failures[:5]

    def ask_again(self, invocation: Invocation):
        """Asks for the result once more, with the same idempotency key."""
        invocation.answers.append(self._call(invocation).ok())

    def _client(self, number: int):
        count = 0
        while not self._stop.is_set():
            invocation = self._next(number, count)
            self.invocations.append(invocation)
            try:
                ask = self._send_and_attach if count % 3 == 2 else self._call
                invocation.answers.append(ask(invocation).ok())
            except Exception as error:  # noqa: BLE001: every failure is reported by finish()
                self.failures.append(f"{invocation.idempotency_key} {invocation.path}: {error!r}")
            count += 1

    def _next(self, number: int, count: int) -> Invocation:
        name = f"{self.run_name}-{number}-{count}"
        if count % 3 == 1:
            counter = f"{self.run_name}-direct-{number % COUNTERS}"
            return Invocation(name, f"/Counter/{counter}/add", 1, counter, 1)
        counter = f"{self.run_name}-journeys-{number % COUNTERS}"
        ask = self.bed.ask(id=name, key=counter, n=STEPS, ms=SLEEP_MS, value=self.padding)
        return Invocation(name, "/Stories/journey", ask, counter, STEPS)

    def _call(self, one: Invocation) -> Reply:
        return self._persist("POST", one.path, {200}, one.body, one.idempotency_key)

    def _send_and_attach(self, one: Invocation) -> Reply:
        """What was accepted once must be found ever after: attach takes no 404."""
        self._persist("POST", f"{one.path}/send", {202}, one.body, one.idempotency_key)
        return self._persist("GET", f"/restate/invocation{one.path}/{one.idempotency_key}/attach", {200, 404})

    def _persist(self, method: str, path: str, expected: set, body=None, idempotency_key=None) -> Reply:
        """Repeats the request until the server answers it; an answer of the invocation itself is final."""
        deadline = time.monotonic() + GIVE_UP_S
        reply = None
        while time.monotonic() < deadline:
            try:
                reply = self._request(method, path, body, idempotency_key)
                if reply.status in expected or reply.headers.get("x-restate-error-source") == "invocation":
                    return reply
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(REASK_S)
        raise AssertionError(f"no answer in {GIVE_UP_S} s, last {reply}")

    def _request(self, method: str, path: str, body, idempotency_key) -> Reply:
        """One try, which is noted whatever becomes of it."""
        noted = Request(secrets.token_hex(16), secrets.token_hex(8), path, began_at=time.monotonic())
        headers = {"traceparent": f"00-{noted.trace}-{noted.span}-01"}
        if idempotency_key:
            headers["idempotency-key"] = idempotency_key
        self.requests.append(noted)
        reply = self.bed.server.ingress.request(method, path, body, headers)
        noted.took_s = time.monotonic() - noted.began_at
        noted.status, noted.invocation = reply.status, reply.headers.get("x-restate-id")
        return reply
