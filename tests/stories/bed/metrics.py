"""Reads numbers from the server's `/metrics`."""

import re

from bed.process import wait_until

LINE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


def total(server, name: str, **labels) -> float:
    """The sum of all samples of `name` with these labels."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return sum(float(match[3]) for match in _samples(server, name) if all(label in (match[2] or "") for label in wanted))


def lines(server, name: str) -> list:
    """The samples of `name` that are not 0, as they stand there."""
    return [match[0] for match in _samples(server, name) if float(match[3]) != 0]


def _samples(server, name: str) -> list:
    reply = server.admin.get("/metrics")
    assert reply.status == 200, reply
    matches = map(LINE.match, reply.body.decode().splitlines())
    return [match for match in matches if match and match[1] == name]


def waiting(server) -> float:
    """Spans that are on their way: in memory or on disk."""
    return total(server, "everspan_spans_queued") + total(server, "everspan_spans_spooled")


def wait_drained(server, timeout_s: float = 60):
    wait_until(lambda: waiting(server) == 0, timeout_s, "no span waits", every_s=0.2)
