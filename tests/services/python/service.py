"""The contract of tests/services/CONTRACT.md, with the Python SDK.

PORT says where to listen (on 127.0.0.1); the line `ready` on stdout says that it does.
"""

import asyncio
import logging
import os

import hypercorn
import hypercorn.asyncio
import restate

from counter import counter
from flow import flow
from greeter import greeter
from stories import stories

app = restate.app(services=[greeter, counter, stories, flow])


class ReadyLine(logging.Handler):
    """hypercorn logs one line per listening address, once it listens."""

    def emit(self, record):
        if "Running on" in record.getMessage():
            print("ready", flush=True)


def main():
    config = hypercorn.Config()
    config.bind = [f"127.0.0.1:{os.environ['PORT']}"]
    config.h2_max_concurrent_streams = 1000
    log = logging.getLogger("hypercorn.error")
    log.setLevel(logging.INFO)
    log.addHandler(ReadyLine())
    config.errorlog = log
    asyncio.run(hypercorn.asyncio.serve(app, config))


if __name__ == "__main__":
    main()
