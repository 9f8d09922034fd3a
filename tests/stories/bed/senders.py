"""The processes by which a server sends its spans: `everspan span-sender DIR`, one for each reporter."""

import os
import pathlib
import signal


def of(server) -> list:
    """The pids of those that work for this server, or did for one before it on the same data."""
    spool = os.fsencode(server.base_dir / "spool") + b"/"
    return [pid for pid, words in _command_lines() if b"span-sender" in words[1:2] and words[2].startswith(spool)]


def kill(server):
    """SIGKILL for all of them."""
    for pid in of(server):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it ended by itself


def _command_lines():
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                yield int(entry.name), (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                pass  # it has ended meanwhile
