"""The OTLP/gRPC receiver both servers send their spans to: it counts them and forgets them, or writes them down."""

from __future__ import annotations

import re
import time
from pathlib import Path

from .process import BenchError, Process

LISTENING = re.compile(r"listening on 127\.0\.0\.1:(\d+)")
COUNTED = re.compile(r"(\d+) spans")
START_SECONDS_MAX = 10.0


class Receiver(Process):
    """`otlp-receiver` on a port of its choice. Spans are written to `spans`, one JSON object a line, or only counted."""

    def __init__(self, binary: str, log: Path, spans: Path | None = None):
        rest = ["--out", str(spans)] if spans else ["--null"]
        super().__init__("otlp-receiver", [binary, "--listen", "127.0.0.1:0", *rest], log)
        self.endpoint = f"http://127.0.0.1:{self._port()}"

    def _port(self) -> int:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            found = LISTENING.search(self.log.read_text(errors="replace"))
            if found:
                return int(found[1])
            if self.child.poll() is not None:
                break
            time.sleep(0.01)
        self.stop()
        raise BenchError(f"otlp-receiver did not say where it listens:\n{self.tail()}")

    def count_spans(self) -> int | None:
        """Ends the receiver; the number of spans it says it got, None when it says nothing."""
        self.stop()
        counts = COUNTED.findall(self.log.read_text(errors="replace"))
        return int(counts[-1]) if counts else None
