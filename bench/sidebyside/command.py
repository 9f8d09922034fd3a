"""What the benchmark commands share: how one ends, and what every report says about its run."""

from __future__ import annotations

import argparse
import datetime
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from . import tools
from .process import BenchError


def run_command(run: Callable[[argparse.Namespace], int], options: argparse.Namespace) -> int:
    """The exit code; SIGTERM and Ctrl-C end what was started, too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    try:
        return run(options)
    except BenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def about_run() -> dict[str, object]:
    """When, with what command and at which commit."""
    return {
        "date": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC",
        "command": shlex.join([f"bench/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "commit": tools.commit(),
    }
