"""Where the programs come from: wrk from the system, restate-server from npm, the rest built here (Flink: flink_home.py)."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from pathlib import Path

from .process import BenchError

ROOT = Path(__file__).resolve().parents[2]
RESTATE_VERSION = "1.7.12"
NPM_PLATFORMS = {"x86_64": "linux-x64", "aarch64": "linux-arm64"}


def wrk() -> str:
    """The load generator; it is not installed for you."""
    found = shutil.which("wrk")
    if not found:
        raise BenchError("wrk is not installed: apt-get install wrk")
    return found


def check_given(*paths: str | None) -> None:
    """Fails on a wrong path before minutes go into building the rest."""
    for path in filter(None, paths):
        _existing(path)


def everspan(path: str | None) -> str:
    """The given binary, or the release build of this tree, brought up to date first."""
    return _existing(path) if path else _cargo("everspan", "-p", "everspan", "--bin", "everspan")


def otlp_receiver(path: str | None) -> str:
    """The given receiver, or Everspan's own."""
    return _existing(path) if path else _cargo(
        "otlp-receiver", "-p", "everspan-export", "--features", "receiver", "--bin", "otlp-receiver"
    )


def service(path: str | None) -> str:
    """The service under test, built outside the workspace in target/bench-service or CARGO_TARGET_DIR."""
    if path:
        return _existing(path)
    package = Path(__file__).resolve().parents[1] / "services" / "rust"
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target" / "bench-service")
    run("cargo", "build", "--release", "--manifest-path", package / "Cargo.toml", "--target-dir", target)
    return str(target / "release" / "bench-service")


def stream_bench(path: str | None) -> str:
    """The given program, or Everspan's side of the stream workloads, built from bench/streams."""
    if path:
        return _existing(path)
    package = Path(__file__).resolve().parents[1] / "streams"
    target = Path(os.environ.get("CARGO_TARGET_DIR") or package / "target")
    run("cargo", "build", "--release", "--manifest-path", package / "Cargo.toml", "--target-dir", target)
    return str(target / "release" / "bench-streams")


def restate(path: str | None, tools: Path) -> str:
    """The given binary, or the one in `tools`, installed from npm when it is not there."""
    if path:
        return _existing(path)
    kind = NPM_PLATFORMS.get(platform.machine())
    if not kind:
        raise BenchError(f"npm has no restate-server for {platform.machine()}: pass --restate PATH")
    binary = tools / "node_modules" / "@restatedev" / f"restate-server-{kind}" / "bin" / "restate-server"
    if not binary.exists():
        _install_restate(tools)
    if not binary.exists():
        raise BenchError(f"npm installed no {binary}: pass --restate PATH")
    if RESTATE_VERSION not in version(str(binary)):
        raise BenchError(f"{binary} is not {RESTATE_VERSION}: remove {tools} and run again")
    return str(binary)


def version(binary: str) -> str:
    """First line of `--version`."""
    done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=30)
    return (done.stdout.strip().splitlines() or [f"{Path(binary).name}, version unknown"])[0]


def commit() -> str:
    """Commit of this tree, with a mark when files differ from it."""
    try:
        argv = ["git", "-C", str(ROOT), "describe", "--always", "--dirty"]
        return subprocess.run(argv, capture_output=True, text=True, timeout=30).stdout.strip()
    except OSError:
        return ""


def run(*argv: str | Path) -> None:
    """Runs a step of the preparation to its end, its command shown; fails when it does."""
    words = [str(word) for word in argv]
    print(f"$ {' '.join(words)}", flush=True)
    code = subprocess.run(words, stdin=subprocess.DEVNULL).returncode
    if code != 0:
        raise BenchError(f"`{' '.join(words)}` ended with code {code}")


def _install_restate(tools: Path) -> None:
    if not shutil.which("npm"):
        raise BenchError("restate-server is installed with npm, which is missing: install npm or pass --restate PATH")
    tools.mkdir(parents=True, exist_ok=True)
    package = f"@restatedev/restate-server@{RESTATE_VERSION}"
    run("npm", "install", "--prefix", tools, "--no-save", "--ignore-scripts", package)


def _cargo(binary: str, *arguments: str) -> str:
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    manifest = ROOT / "Cargo.toml"
    run("cargo", "build", "--release", "--manifest-path", manifest, "--target-dir", target, *arguments)
    return str(target / "release" / binary)


def _existing(path: str) -> str:
    if not os.access(path, os.X_OK):
        raise BenchError(f"{path} is not an executable file")
    return str(Path(path).resolve())
