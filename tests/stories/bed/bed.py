"""The whole bed: world, service, server, registered and ready."""

import pathlib
import uuid

from bed.client import Reply
from bed.process import wait_until
from bed.server import Server
from bed.service import Service
from bed.world import World

ATTACH_TIMEOUT_S = 30


class Bed:
    """Everything one story needs; `close` stops it all."""

    def __init__(self, sdk: str, home: pathlib.Path, settings: dict | None = None):
        self.sdk = sdk
        self.service = Service(sdk, home)
        self.server = Server(home, settings)
        self.world = World()

    def open(self):
        try:
            self.service.start()
            self.server.start()
            self.server.register(self.service.port)
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        try:
            self.server.process.terminate()
        finally:
            self.service.process.kill()
            self.world.close()

    @property
    def oracle(self) -> bool:
        return self.server.kind == "restate"

    def unique(self) -> str:
        """A name nobody used: for keys, ids and idempotency keys."""
        return uuid.uuid4().hex[:12]

    def ask(self, **fields) -> dict:
        """The input of a `Stories` handler, with the world's address in it."""
        return {"world": self.world.url, "id": self.unique(), **fields}

    def call(self, path: str, body=None, **headers) -> Reply:
        """Calls `Service[/key]/handler` and waits. `idempotency_key=` becomes the header."""
        return self.server.ingress.post(f"/{path}", body, _headers(headers))

    def send(self, path: str, body=None, query: str = "", **headers) -> dict:
        """Sends; the answer with `invocationId` and `status`."""
        reply = self.server.ingress.post(f"/{path}/send{query}", body, _headers(headers))
        assert reply.status == 202, f"{reply.status} {reply.body!r}"
        return reply.json()

    def story(self, handler: str, **fields):
        """The result of a `Stories` handler that must succeed."""
        return self.call(f"Stories/{handler}", self.ask(**fields)).ok()

    def start(self, handler: str, ask: dict) -> str:
        """Sends to a `Stories` handler; the invocation id."""
        return self.send(f"Stories/{handler}", ask)["invocationId"]

    def attach(self, invocation_id: str) -> Reply:
        """Waits for the result of an invocation."""
        return self.server.ingress.get(f"/restate/invocation/{invocation_id}/attach", ATTACH_TIMEOUT_S)

    def output(self, invocation_id: str) -> Reply:
        """The result of an invocation if there is one, 470 if not."""
        return self.server.ingress.get(f"/restate/invocation/{invocation_id}/output")

    def counter(self, key: str) -> int:
        return self.call(f"Counter/{key}/get").ok()

    def wait_counter(self, key: str, value: int, timeout_s: float = 20):
        wait_until(lambda: self.counter(key) == value, timeout_s, f"Counter/{key} is {value}")


def _headers(names: dict) -> dict:
    return {name.replace("_", "-"): value for name, value in names.items()}
