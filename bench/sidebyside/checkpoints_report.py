"""Rows of bench/checkpoints.py → Markdown."""

from __future__ import annotations

import statistics

from .streams_report import ENGINES, compared, of_engine

Row = dict[str, object]
MARKER = "checkpoints"
HEAD = """\
## Checkpoints and recovery

Keyed state under checkpoints, and a failure, on Everspan and on Flink, with one command: `bench/checkpoints.py`. What the
figures mean: [bench/README.md](../bench/README.md#what-benchcheckpointspy-measures)."""
BACKENDS = {"heap": "heap : hashmap", "lsm": "LSM : RocksDB, incremental"}
E2E_TARGET = 0.3
RECOVERY_TARGET = 0.3


def markdown(about: Row, rows: list[Row]) -> str:
    """The whole section: how it was measured, a table, what went wrong."""
    parts = [HEAD, _preamble(about), _table(rows)]
    if problems := problem_lines(rows):
        parts.append("**This run does not count:**\n\n" + "\n".join(f"- {line}" for line in problems))
    return "\n\n".join(parts) + "\n"


def problem_lines(rows: list[Row]) -> list[str]:
    return [f"{row['engine']}, {row['backend']}: {problem}" for row in rows for problem in row["problems"]]


def progress(row: Row) -> str:
    e2e = ", ".join(f"{one:.0f}" for one in row["e2e_ms"])
    moved = ", ".join(f"{one / 1e6:.1f}" for one in row["bytes"])
    trouble = f"  PROBLEM: {'; '.join(row['problems'])}" if row["problems"] else ""
    return (
        f"{row['engine']:9} round {row['round']} {row['backend']:5} end to end {e2e} ms  moved {moved} MB"
        f"  recovery {row['recovery_ms']} ms{trouble}"
    )


def _preamble(about: Row) -> str:
    keeping = about["keeping"]
    return "\n".join(
        [
            f"Measured {about['date']} with `{about['command']}` at commit {about['commit']}.",
            f"{about['cores']} cores ({about['cpu']}), {about['kernel']}, {about['memory_mb']} MiB, checkpoints on"
            f" {about['filesystem']} where 4 KiB + fdatasync takes {about['fdatasync_p50_us']} µs (p50);"
            f" load average before: {about['load1_before']}.",
            f"Everspan at this commit and Flink 1.20.5: {keeping['keys']:,} keys × {keeping['value_bytes']} bytes, then"
            " random keys read and written anew, about 15,000 each second; a checkpoint every"
            f" {keeping['interval_ms'] / 1000:g} s; one failure. Rounds: {about['rounds']}, in alternating order.",
        ]
    )


def _table(rows: list[Row]) -> str:
    lines = [
        "**Everspan ÷ Flink** (Everspan : Flink), below 1 is less; medians of all checkpoints once every key is written.",
        "",
        f"| state | end to end, ms (wanted ≤ {E2E_TARGET:g}) | moved, MB | whole state, MB | longest pause, ms"
        f" | recovery, ms (wanted ≤ {RECOVERY_TARGET:g}) | failed |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for backend, title in BACKENDS.items():
        same = [row for row in rows if row["backend"] == backend and not row["problems"]]
        if same:
            figures = [
                compared(same, lambda row: statistics.median(row["e2e_ms"]), 0),
                compared(same, lambda row: statistics.median(row["bytes"]) / 1e6, 1),
                compared(same, lambda row: row["full_bytes"] / 1e6, 0),
                compared(same, lambda row: row["pause_ms_max"], 1, max),
                compared(same, lambda row: row["recovery_ms"], 0),
                " : ".join(str(sum(row["failed"] for row in of_engine(same, engine))) for engine in ENGINES),
            ]
            lines.append(f"| {title} | " + " | ".join(figures) + " |")
    return "\n".join(lines)
