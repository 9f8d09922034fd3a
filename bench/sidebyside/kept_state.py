"""Keyed state under checkpoints with one failure: a run on one engine, as a row of plain figures."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from .engines import Row, flink_checkpoints, fresh_folder, job_configuration
from .flink_cluster import Cluster
from .flink_home import Home
from .process import BenchError
from .program import run_program

SECONDS_MAX = 600.0
# Checkpoints that may have begun before every key was written once.
LOADING = 2


@dataclass(frozen=True)
class Keeping:
    """What is run: `keys` are written once, then random ones slowly, until `checkpoints` are complete."""

    keys: int = 1_000_000
    value_bytes: int = 200
    interval_ms: int = 4000
    checkpoints: int = 10
    fail_after: int = 6

    def arguments(self) -> dict[str, int]:
        """Those that both engines know, by their names."""
        return {"keys": self.keys, "value-bytes": self.value_bytes, "fail-after-checkpoints": self.fail_after}


def run_everspan(binary: str, keeping: Keeping, backend: str, out: Path) -> Row:
    with fresh_folder(out) as store:
        given = keeping.arguments() | {
            "backend": backend,
            "checkpoint-interval-ms": keeping.interval_ms,
            "checkpoint-dir": store,
            "checkpoints": keeping.checkpoints,
        }
        argv = [binary, "--workload", "state"]
        for name, value in given.items():
            argv += [f"--{name}", str(value)]
        done = run_program(argv, out / "everspan-state.log", SECONDS_MAX)
    told = done.said
    restored = [one for one in told["initializations"] if one["checkpoint"] is not None]
    return figures("everspan", backend, told["checkpoints"], restored, told["absent"], done.peak_mb)


def run_flink(home: Home, keeping: Keeping, backend: str, out: Path) -> Row:
    """On a fresh cluster; the job never ends by itself and is cancelled."""
    with Cluster(home, out / "data" / "flink", out) as cluster:
        job = cluster.rest.run(
            cluster.jar,
            keeping.arguments() | {"workload": "state", "parallelism": 1},
            job_configuration(backend, keeping.interval_ms),
        )
        wait_for_checkpoints(cluster, job, keeping.checkpoints)
        checkpoints = flink_checkpoints(cluster, job)
        peak_mb = cluster.task_manager.memory_mb("VmHWM")
        cluster.rest.cancel(job)
        cluster.rest.wait(job, cluster.processes, SECONDS_MAX)
        absent = cluster.rest.accumulators(job).get("absent", 0)
        restored = restorations(cluster.log_text("jobmanager"))
    return figures("flink", backend, checkpoints, restored, absent, peak_mb)


def wait_for_checkpoints(cluster: Cluster, job: str, count: int) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while cluster.rest.get(f"/jobs/{job}/checkpoints")["counts"]["completed"] < count:
        state = cluster.rest.get(f"/jobs/{job}")["state"]
        if state in ("FAILED", "FINISHED", "CANCELED"):
            raise BenchError(f"Flink's job {state} before {count} checkpoints: {cluster.rest.failure(job)}")
        if time.monotonic() > deadline:
            raise BenchError(f"Flink has not completed {count} checkpoints after {SECONDS_MAX:.0f} s")
        time.sleep(0.1)


def restorations(log: str) -> list[Row]:
    """The `JobInitialization` spans that restored something, as Flink's log reporter wrote them."""
    pattern = r"name=JobInitialization, startTsMillis=(\d+), endTsMillis=(\d+), attributes=\{(.*?)\}"
    spans = []
    for start, end, text in re.findall(pattern, log):
        attributes = dict(pair.split("=", 1) for pair in text.split(", ") if "=" in pair)
        if int(attributes.get("checkpointId", -1)) >= 0:
            spans.append(
                {
                    "start_ms": int(start),
                    "duration_ms": int(end) - int(start),
                    "checkpoint": int(attributes["checkpointId"]),
                    "state_bytes": int(attributes["fullSize"]),
                }
            )
    return spans


def figures(engine: str, backend: str, checkpoints: list[Row], restored: list[Row], absent: int, peak_mb: float) -> Row:
    """The row; what makes it worthless stands in `problems`."""
    completed = [one for one in checkpoints if one["status"] == "COMPLETED"]
    counted = completed[LOADING:]
    problems = [] if len(restored) == 1 else [f"restored {len(restored)} times, not once"]
    problems += [f"{absent} keys were not found after the restore"] if absent else []
    problems += [] if counted else [f"only {len(completed)} checkpoints completed"]
    return {
        "engine": engine,
        "backend": backend,
        "e2e_ms": [one["e2e_ms"] for one in counted],
        "bytes": [one["bytes"] for one in counted],
        "full_bytes": counted[-1]["full_bytes"] if counted else None,
        "pause_ms_max": max((one["pause_ms_max"] for one in counted), default=None),
        "failed": sum(one["status"] == "FAILED" for one in checkpoints),
        "recovery_ms": restored[0]["duration_ms"] if restored else None,
        "restored_bytes": restored[0]["state_bytes"] if restored else None,
        "peak_mb": peak_mb,
        "problems": problems,
    }
