"""Rows of bench/streams.py → Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from .report import significant
from .workloads import WORKLOADS, disagreements, unverified

Row = dict[str, object]
MARKER = "streams"
HEAD = """\
## Stream jobs

The same jobs on Everspan and on Flink, with one command: `bench/streams.py`. What the figures mean:
[bench/README.md](../bench/README.md#what-benchstreamspy-measures)."""
ENGINES = ("everspan", "flink")
TARGETS = {one.name: one.target for one in WORKLOADS}
FIRST_RECORD_TARGET = 0.1
MEMORY_TARGET = 0.3
PAUSE_TARGET_MS = 20


def markdown(about: Row, rows: list[Row]) -> str:
    """The whole section: how it was measured, throughput, checkpoints, a fresh process, what went wrong."""
    parts = [HEAD, _preamble(about, rows), _throughput(rows), _checkpoints(rows), _fresh(rows)]
    if problems := problem_lines(rows):
        parts.append("**This run does not count:**\n\n" + "\n".join(f"- {line}" for line in problems))
    return "\n\n".join(part for part in parts if part) + "\n"


def problem_lines(rows: list[Row]) -> list[str]:
    """What disqualifies the run."""
    without = [
        f"{row['engine']}, {row['workload']}, p={row['parallelism']}: checkpoints were on and none was completed"
        for row in rows
        if row["kind"] == "cell" and row["wants_checkpoints"] and not row["checkpoints"]
    ]
    return disagreements(rows) + unverified(rows) + without


def progress(row: Row) -> str:
    if row["kind"] == "model":
        return f"model     {row['query']} of {row['events']:,} events: {row['outputs']:,} records ({row['checksum']})"
    rate = row["events"] / max(row["cpu_s"], 0.001) / 1e6
    return (
        f"{row['engine']:9} round {row['round']} {row['kind']:5} {row['workload']:22} p={row['parallelism']}"
        f" {row['events']:>11,} events  {row['cpu_s']:7.2f} CPU-s  {row['wall_s']:6.2f} s  {rate:8.3f} M/CPU-s"
        f"  peak {row['peak_mb']:.0f} MiB  {row['checkpoints']} checkpoints  load {row['load1']}"
    )


def _preamble(about: Row, rows: list[Row]) -> str:
    return "\n".join(
        [
            f"Measured {about['date']} with `{about['command']}` at commit {about['commit']}.",
            f"{about['cores']} cores ({about['cpu']}), {about['kernel']}, {about['memory_mb']} MiB, checkpoints on"
            f" {about['filesystem']} where 4 KiB + fdatasync takes {about['fdatasync_p50_us']} µs (p50);"
            f" load average before: {about['load1_before']}.",
            f"Everspan at this commit and Flink 1.20.5 (OpenJDK 17, G1, 3 GiB heap). Rounds: {about['rounds']}, in"
            " alternating order; figures are medians of the rounds. Every sink counted and summed up what came: the"
            f" {len(rows)} runs agree with each other and with a model.",
        ]
    )


def _throughput(rows: list[Row]) -> str:
    lines = [
        "Million events (words) per CPU-second, and per second of wall clock; **Everspan ÷ Flink**, above 1 is more."
        " CPU is that of the whole Everspan process, start and end included, and of Flink's TaskManager alone, warmed up.",
        "",
        "| workload | parallelism | events | per CPU-second | wanted | per second |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for workload, parallelism in cells(rows):
        same = of_cell(rows, workload, parallelism)
        events = " : ".join(dict.fromkeys(f"{row['events'] / 1e6:g} M" for row in same))
        per_cpu = compared(same, lambda row: row["events"] / row["cpu_s"] / 1e6, 2)
        per_second = compared(same, lambda row: row["events"] / row["wall_s"] / 1e6, 2)
        lines.append(f"| {workload} | {parallelism} | {events} | {per_cpu} | ≥ {TARGETS[workload]:g} | {per_second} |")
    return "\n".join(lines)


def _checkpoints(rows: list[Row]) -> str:
    lines = [
        "Checkpoints every second. End to end is the median of all; the pause is the longest that one subtask stood"
        f" still for a checkpoint, in any round (wanted: ≤ {PAUSE_TARGET_MS} ms).",
        "",
        "| workload | parallelism | completed, failed | end to end, ms | longest pause, ms |",
        "|---|--:|--:|--:|--:|",
    ]
    heads = len(lines)
    for workload, parallelism in cells(rows):
        same = [row for row in of_cell(rows, workload, parallelism) if row["checkpoints"]]
        if same:
            counts = [
                f"{sum(row['checkpoints'] for row in mine)}, {sum(row['checkpoints_failed'] for row in mine)}"
                for mine in filter(None, (of_engine(same, engine) for engine in ENGINES))
            ]
            e2e = compared(same, lambda row: statistics.median(row["e2e_ms"]), 0)
            pause = compared(same, lambda row: row["pause_ms_max"], 1, max)
            lines.append(f"| {workload} | {parallelism} | {' : '.join(counts)} | {e2e} | {pause} |")
    return "\n".join(lines) if len(lines) > heads else ""


def _fresh(rows: list[Row]) -> str:
    fresh = [row for row in rows if row["kind"] == "fresh"]
    first = compared(fresh, lambda row: row["first_record_ms"], 0)
    memory = compared(fresh, lambda row: row["peak_mb"], 0)
    return "\n".join(
        [
            "The first job of a fresh process (for Flink: JobManager and TaskManager started together, memory of the"
            " TaskManager): `sum heap`, parallelism 1. Below 1 is less.",
            "",
            "| | | wanted |",
            "|---|--:|--:|",
            f"| start of the process to the first record, ms | {first} | ≤ {FIRST_RECORD_TARGET:g} |",
            f"| resident memory at its highest, MiB | {memory} | ≤ {MEMORY_TARGET:g} |",
        ]
    )


def cells(rows: list[Row]) -> list[tuple[str, int]]:
    return list(dict.fromkeys((row["workload"], row["parallelism"]) for row in rows if row["kind"] == "cell"))


def of_cell(rows: list[Row], workload: str, parallelism: int) -> list[Row]:
    wanted = ("cell", workload, parallelism)
    return [row for row in rows if (row["kind"], row["workload"], row["parallelism"]) == wanted]


def of_engine(rows: list[Row], engine: str) -> list[Row]:
    return [row for row in rows if row["engine"] == engine]


def compared(
    rows: list[Row],
    figure: Callable[[Row], float],
    decimals: int,
    middle: Callable[[list[float]], float] = statistics.median,
) -> str:
    """`**ratio** (Everspan : Flink)`, of the rounds' medians unless `middle` says otherwise; one engine alone as it is."""
    values = [[figure(row) for row in of_engine(rows, engine)] for engine in ENGINES]
    middles = [middle(one) for one in values if one]
    texts = " : ".join(f"{one:.{decimals}f}" for one in middles)
    if len(middles) < 2:
        return texts or "–"
    ratio = significant(middles[0] / middles[1]) if middles[1] else "–"
    return f"**{ratio}** ({texts})"
