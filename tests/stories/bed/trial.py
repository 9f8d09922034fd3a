"""A server with settings of its own, the sinks it exports to, and a service that runs already.

For rows about configuration: what a key does is seen at the sinks.
"""

import pathlib
import tempfile

from bed.arrivals import Sink
from bed.client import Reply
from bed.otlp import RUNTIME
from bed.server import Server


class Trial:
    """`{sink}` and `{other}` in settings, environment, arguments and file stand for the addresses of two sinks."""

    def __init__(self, home: pathlib.Path, settings=None, environment=None, arguments=(), file: str | None = None):
        self.home = pathlib.Path(tempfile.mkdtemp(dir=home))
        self.sinks = {name: Sink(self._folder(name)) for name in ("sink", "other")}
        self._used = set()
        arguments = [self._placed(word) for word in arguments]
        if file is not None:
            (self.home / "everspan.toml").write_text(self._placed(file))
            arguments += ["--config-file", str(self.home / "everspan.toml")]
        self.server = Server(self.home, self._all_placed(settings), self._all_placed(environment), arguments)

    def open(self, service_port: int):
        try:
            for name in self._used:
                self.sinks[name].start()
            self.server.start()
            self.server.register(service_port)
        except BaseException:
            self.close()
            raise
        return self

    def close(self):
        self.server.process.kill()
        for sink in self.sinks.values():
            sink.process.kill()

    def call(self, path: str, body=None, headers=None) -> Reply:
        return self.server.ingress.post(path, body, headers)

    def stop(self) -> list:
        """Stops the server, which sends what it still has; the spans that reached the first sink."""
        assert self.server.process.terminate() == 0
        return self.spans("sink")

    def spans(self, sink: str) -> list:
        """Every span but what the runtime tells of itself."""
        spans = [arrival.span for arrival in self.sinks[sink].arrivals()]
        return [span for span in spans if span.scope != RUNTIME]

    def _folder(self, name: str) -> pathlib.Path:
        (self.home / name).mkdir()
        return self.home / name

    def _all_placed(self, values) -> dict:
        return {name: self._placed(value) for name, value in (values or {}).items()}

    def _placed(self, text: str) -> str:
        for name, sink in self.sinks.items():
            if f"{{{name}}}" in text:
                self._used.add(name)
                text = text.replace(f"{{{name}}}", sink.url)
        return text
