"""Reads numbers from the server's `/metrics`."""

import re

from bed.process import wait_until

LINE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


def total(server, name: str, **labels) -> float:
    """The sum of all samples of `name` with these labels."""
    reply = server.admin.get("/metrics")
    assert reply.status == 200, reply
    return sum(
        float(match[3])
        for match in map(LINE.match, reply.body.decode().splitlines())
        if match and match[1] == name and all(f'{key}="{value}"' in (match[2] or "") for key, value in labels.items())
    )


def waiting(server) -> float:
    """Spans that are on their way: in memory or on disk."""
    return total(server, "everspan_spans_queued") + total(server, "everspan_spans_spooled")


def wait_drained(server, timeout_s: float = 60):
    wait_until(lambda: waiting(server) == 0, timeout_s, "no span waits", every_s=0.2)
