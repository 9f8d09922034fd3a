"""The outside world: counts what handlers do, and keeps what they tell.

`GET /hit/{id}/{step}` answers how often this step of this id was executed, this time included.
`GET /tell/{id}/{text}` leaves a text for the driver. A `hit` of an id that is held back is answered when it is let go.
"""

import threading
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOLD_BACK_TIMEOUT_S = 60


class World:
    def __init__(self):
        self._changed = threading.Condition()
        self._steps = defaultdict(list)
        self._told = {}
        self._held_back = set()
        handler = type("Handler", (_Handler,), {"world": self})
        self._http = _Server(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self):
        self._http.shutdown()
        self._http.server_close()

    def steps(self, id: str) -> list:
        """The steps executed under `id`, in order, repetitions included."""
        with self._changed:
            return list(self._steps[id])

    def count(self, id: str, step: int = 0) -> int:
        return Counter(self.steps(id))[step]

    def wait_hit(self, id: str, step: int = 0, times: int = 1, timeout_s: float = 20):
        """Waits until `step` of `id` was executed `times` times."""
        with self._changed:
            done = self._changed.wait_for(lambda: self._steps[id].count(step) >= times, timeout_s)
            assert done, f"{id} step {step} ran {self._steps[id].count(step)} of {times} times in {timeout_s} s"

    def wait_told(self, id: str, timeout_s: float = 20) -> str:
        """Waits for the text left under `id`."""
        with self._changed:
            assert self._changed.wait_for(lambda: id in self._told, timeout_s), f"nothing told under {id}"
            return self._told[id]

    def hold_back(self, id: str):
        """From now on a run that hits `id` takes until `let_go`."""
        with self._changed:
            self._held_back.add(id)

    def let_go(self, id: str):
        with self._changed:
            self._held_back.discard(id)
            self._changed.notify_all()

    def answer(self, path: str) -> str:
        kind, id, word = path.strip("/").split("/", 2)
        with self._changed:
            self._changed.notify_all()
            if kind == "tell":
                self._told[id] = word
                return "told"
            self._steps[id].append(int(word))
            count = self._steps[id].count(int(word))
            self._changed.wait_for(lambda: id not in self._held_back, HOLD_BACK_TIMEOUT_S)
            return str(count)


class _Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A service that was killed while it waited for the answer is no error."""


class _Handler(BaseHTTPRequestHandler):
    world: World

    def do_GET(self):
        body = self.world.answer(self.path).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        pass
