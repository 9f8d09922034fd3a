"""Calls at a fixed rate, whatever the answers take: an open loop over kept-alive connections, in one thread."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

from .process import BenchError

CONNECTIONS = 64


@dataclass(frozen=True)
class Paced:
    """What became of the calls. `late` were sent more than 100 ms after their time: the loop could not keep up."""

    calls: int
    seconds: float
    late: int


def run_paced(url: str, body: str, per_second: int, seconds: float) -> Paced:
    """POSTs `per_second` times a second; returns when all are answered. Fails on an answer that is not 200."""
    return asyncio.run(_run(url, body, per_second, seconds))


async def _run(url: str, body: str, per_second: int, seconds: float) -> Paced:
    parts = urlsplit(url)
    request = (
        f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}"
    ).encode()
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    for _ in range(CONNECTIONS):
        free.put_nowait(await asyncio.open_connection(parts.hostname, parts.port))
    begun, late, tasks = time.monotonic(), 0, []
    for number in range(int(per_second * seconds)):
        due = begun + number / per_second
        if (wait := due - time.monotonic()) > 0:
            await asyncio.sleep(wait)
        connection = await free.get()
        late += time.monotonic() - due > 0.1
        tasks.append(asyncio.create_task(_call(connection, request, free)))
    await asyncio.gather(*tasks)
    taken = time.monotonic() - begun
    while not free.empty():
        free.get_nowait()[1].close()
    return Paced(len(tasks), taken, late)


async def _call(connection, request: bytes, free: asyncio.Queue) -> None:
    reader, writer = connection
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise BenchError(f"a paced call was answered {head.splitlines()[0].decode(errors='replace')}")
    await reader.readexactly(_content_length(head))
    free.put_nowait(connection)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.partition(b":")[2])
    raise BenchError("an answer without a content-length")
