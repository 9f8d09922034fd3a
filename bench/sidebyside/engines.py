"""One cell on one engine: the workload run once, as a row of plain figures. The keys are the same for both."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .flink_cluster import Cluster
from .process import BenchError
from .program import run_program
from .workloads import Workload

Row = dict[str, object]
CELL_SECONDS_MAX = 600.0
FLINK_BACKENDS = {"heap": "hashmap", "lsm": "rocksdb"}


def run_everspan(binary: str, workload: Workload, events: int, parallelism: int, out: Path) -> Row:
    """A process of its own; its CPU is that of the whole process, start and end included."""
    with fresh_folder(out) as checkpoints:
        argv = everspan_argv(binary, workload, events, parallelism, checkpoints)
        done = run_program(argv, out / "everspan-stream.log", CELL_SECONDS_MAX)
    told = done.said
    return {
        **about("everspan", workload, events, parallelism),
        "outputs": told["outputs"],
        "checksum": told["checksum"],
        "cpu_s": done.cpu_s,
        "wall_s": told["wall_s"],
        "peak_mb": done.peak_mb,
        "first_record_ms": (told["first_record_ns"] - done.started_ns) / 1e6,
        **checkpoint_figures(told["checkpoints"]),
    }


def everspan_argv(binary: str, workload: Workload, events: int, parallelism: int, checkpoints: Path) -> list[str]:
    argv = [binary, "--workload", workload.query, "--parallelism", str(parallelism), "--events", str(events)]
    if workload.backend != "heap":
        argv += ["--backend", workload.backend]
    if workload.checkpoint_interval_ms:
        argv += ["--checkpoint-interval-ms", str(workload.checkpoint_interval_ms), "--checkpoint-dir", str(checkpoints)]
    return argv


@contextmanager
def fresh_folder(out: Path) -> Iterator[Path]:
    """An empty folder for the checkpoints of one Everspan program, removed afterwards."""
    folder = out / "data" / "everspan-checkpoints"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def run_flink(cluster: Cluster, workload: Workload, events: int, parallelism: int) -> Row:
    """A job of a cluster that runs already; CPU and memory are those of the TaskManager alone."""
    before = cluster.task_manager.cpu_seconds()
    arguments = {"workload": workload.query, "events": events, "parallelism": parallelism}
    job = cluster.rest.run(cluster.jar, arguments, job_configuration(workload.backend, workload.checkpoint_interval_ms))
    ended = cluster.rest.wait(job, cluster.processes, CELL_SECONDS_MAX)
    if ended["state"] != "FINISHED":
        raise BenchError(f"Flink's {workload.name} {ended['state']}: {cluster.rest.failure(job)}")
    counted = cluster.rest.accumulators(job)
    times = ended["timestamps"]
    return {
        **about("flink", workload, events, parallelism),
        "outputs": counted["outputs"],
        "checksum": counted["checksum"],
        "cpu_s": cluster.task_manager.cpu_seconds() - before,
        "wall_s": (times["FINISHED"] - times["RUNNING"]) / 1e3,
        "peak_mb": cluster.task_manager.memory_mb("VmHWM"),
        "first_record_ms": counted["first_record_ms"] - cluster.started_ns / 1e6,
        "submitted_to_first_record_ms": counted["first_record_ms"] - times["INITIALIZING"],
        **checkpoint_figures(flink_checkpoints(cluster, job)),
    }


def about(engine: str, workload: Workload, events: int, parallelism: int) -> Row:
    return {
        "kind": "cell",
        "engine": engine,
        "workload": workload.name,
        "query": workload.query,
        "events": events,
        "parallelism": parallelism,
        "wants_checkpoints": workload.checkpoint_interval_ms is not None,
        "load1": round(os.getloadavg()[0], 2),
    }


def job_configuration(backend: str, checkpoint_interval_ms: int | None) -> dict[str, str]:
    configuration = {"state.backend.type": FLINK_BACKENDS[backend], "execution.checkpointing.incremental": "true"}
    if checkpoint_interval_ms:
        configuration["execution.checkpointing.interval"] = f"{checkpoint_interval_ms} ms"
    return configuration


def flink_checkpoints(cluster: Cluster, job: str) -> list[Row]:
    """Every checkpoint of the job, in order, with the longest synchronous part of its subtasks."""
    told = cluster.rest.get(f"/jobs/{job}/checkpoints")
    return [
        {
            "id": one["id"],
            "status": one["status"],
            "start_ms": one["trigger_timestamp"],
            "e2e_ms": one["end_to_end_duration"],
            "bytes": one.get("checkpointed_size", 0),
            "full_bytes": one["state_size"],
            "pause_ms_max": longest_pause(cluster, job, one),
        }
        for one in sorted(told["history"], key=lambda one: one["id"])
    ]


def longest_pause(cluster: Cluster, job: str, checkpoint: Row) -> float:
    if checkpoint["status"] != "COMPLETED":
        return 0
    path = f"/jobs/{job}/checkpoints/details/{checkpoint['id']}"
    vertices = cluster.rest.get(path)["tasks"]
    summaries = [cluster.rest.get(f"{path}/subtasks/{vertex}")["summary"] for vertex in vertices]
    return max((one["checkpoint_duration"]["sync"]["max"] for one in summaries if one), default=0)


def checkpoint_figures(checkpoints: list[Row]) -> Row:
    """What the row keeps of the job's checkpoints; durations in milliseconds."""
    completed = [one for one in checkpoints if one["status"] == "COMPLETED"]
    return {
        "checkpoints": len(completed),
        "checkpoints_failed": sum(one["status"] == "FAILED" for one in checkpoints),
        "e2e_ms": [one["e2e_ms"] for one in completed],
        "pause_ms_max": max((one["pause_ms_max"] for one in completed), default=None),
    }
