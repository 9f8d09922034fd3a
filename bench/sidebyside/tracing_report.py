"""Rows of bench/tracing.py → Markdown."""

from __future__ import annotations

import statistics

from .report import NAMES, Row

MARKER = "tracing"


def markdown(about: dict[str, object], rows: list[Row]) -> str:
    """The whole section: how it was measured, what tracing costs, how long spans take."""
    parts = [_preamble(about), _cost_table(rows), _delay_table(rows)]
    if problems := problem_lines(rows):
        parts.append("**This run does not count:**\n\n" + "\n".join(f"- {line}" for line in problems))
    return "\n\n".join(parts) + "\n"


def problem_lines(rows: list[Row]) -> list[str]:
    """What disqualifies the run."""
    return [f"{row['server']}, {row['kind']}: {problem}" for row in rows for problem in row["problems"]]


def _preamble(about: dict[str, object]) -> str:
    return (
        f"Measured {about['date']} with `{about['command']}` at commit {about['commit']}.\n"
        f"{about['cores']} cores ({about['cpu']}), {about['kernel']}, {about['memory_mb']} MiB;"
        f" load average before: {about['load1_before']}. {' and '.join(about['versions'])},"
        f" each with its defaults{about['settings']}."
    )


def _cost_table(rows: list[Row]) -> str:
    pairs = [row for row in rows if row["kind"] == "pair"]
    lines = [
        "Server CPU per call, tracing on (to an OTLP/gRPC receiver that only counts, a process of its own) ÷ off. Two"
        " servers live side by side and are called in turns; one ratio for each pair of neighbouring cells.",
        "",
        "| | workload | in flight | pairs | off µs | on µs | **on ÷ off**, median | middle half of the pairs |",
        "|---|---|--:|--:|--:|--:|--:|--:|",
    ]
    cells = dict.fromkeys((row["server"], row["workload"], row["connections"]) for row in pairs)
    for server, workload, connections in cells:
        same = [
            row for row in pairs if (row["server"], row["workload"], row["connections"]) == (server, workload, connections)
        ]
        off, on = (statistics.median(row[key] for row in same) for key in ("off_us", "on_us"))
        median, low, high = spread([row["ratio"] for row in same])
        lines.append(
            f"| {NAMES[server]} | {workload} | {connections} | {len(same)} | {off:.0f} | {on:.0f} | **{median:.3f}** |"
            f" {low:.3f} to {high:.3f} |"
        )
    return "\n".join(lines)


def _delay_table(rows: list[Row]) -> str:
    lines = [
        "From a span's end to its arrival at the receiver, calls at a fixed rate; and of the first span of a fresh server,"
        " which is called as soon as it knows the service: the same, and from the start of the process. Medians of the"
        " rounds; the largest is that of all.",
        "",
        "| | rounds | spans/s | p50 ms | **p99 ms** | largest ms | first span ms | after the start ms |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for server in NAMES:
        same = [row for row in rows if row["kind"] == "delay" and row["server"] == server]
        if same:
            middle = {key: statistics.median(row[key] for row in same) for key in same[0] if key.endswith(("_ms", "_second"))}
            lines.append(
                f"| {NAMES[server]} | {len(same)} | {middle['spans_per_second']:.0f} | {middle['p50_ms']:.0f} |"
                f" **{middle['p99_ms']:.0f}** | {max(row['max_ms'] for row in same):.0f} |"
                f" {middle['first_after_end_ms']:.0f} | {middle['first_after_start_ms']:.0f} |"
            )
    return "\n".join(lines)


def spread(values: list[float]) -> tuple[float, float, float]:
    """Median, first and third quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return median, low, high
