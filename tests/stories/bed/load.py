"""Steady load whose every effect is counted outside, so that a lost or doubled one shows.

Each client thread invokes one thing after the other under an idempotency key of its own, and sends it
again with the same key for as long as the server does not answer. Three kinds take turns: a call of
`Stories/journey`, a call of `Counter/add`, and a send of `Stories/journey` followed by an attach.
"""

import http.client
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


class Load:
    def __init__(self, bed, clients: int = CLIENTS):
        self.bed = bed
        self.run_name = bed.unique()
        self.invocations = []
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
        ask = self.bed.ask(id=name, key=counter, n=STEPS, ms=SLEEP_MS)
        return Invocation(name, "/Stories/journey", ask, counter, STEPS)

    def _call(self, one: Invocation) -> Reply:
        headers = {"idempotency-key": one.idempotency_key}
        return self._persist(lambda: self.bed.server.ingress.post(one.path, one.body, headers), {200})

    def _send_and_attach(self, one: Invocation) -> Reply:
        """What was accepted once must be found ever after: attach takes no 404."""
        headers = {"idempotency-key": one.idempotency_key}
        self._persist(lambda: self.bed.server.ingress.post(f"{one.path}/send", one.body, headers), {202})
        attach = f"/restate/invocation{one.path}/{one.idempotency_key}/attach"
        return self._persist(lambda: self.bed.server.ingress.get(attach), {200, 404})

    def _persist(self, request, expected: set) -> Reply:
        """Repeats `request` until the server answers it; an answer of the invocation itself is final."""
        deadline = time.monotonic() + GIVE_UP_S
        reply = None
        while time.monotonic() < deadline:
            try:
                reply = request()
                if reply.status in expected or reply.headers.get("x-restate-error-source") == "invocation":
                    return reply
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(REASK_S)
        raise AssertionError(f"no answer in {GIVE_UP_S} s, last {reply}")
