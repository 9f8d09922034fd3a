"""Rows of a run → Markdown, and its place between two markers of a document."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from pathlib import Path

Row = dict[str, object]

NAMES = {"everspan": "Everspan", "restate": "Restate"}


@dataclass(frozen=True)
class Measure:
    """One figure of a row: its column title, key, unit divisor and decimals."""

    title: str
    key: str
    divisor: float = 1
    decimals: int = 0


CELL_MEASURES = [
    Measure("server CPU µs/call", "cpu_us"),
    Measure("p50 ms", "p50_us", 1000, 2),
    Measure("p99 ms", "p99_us", 1000, 1),
    Measure("calls/s", "per_second"),
]
PROCESS_MEASURES = [
    Measure("start until healthy, ms", "start_ms"),
    Measure("orderly stop, ms", "stop_ms"),
    Measure("RSS before the first call, MiB", "idle_mb"),
    Measure("RSS after the last call, MiB", "loaded_mb"),
    Measure("RSS at its highest, MiB", "peak_mb"),
    Measure("disk allocated after start, KiB", "fresh_disk_kb"),
    Measure("data growth, bytes/call", "growth_bytes_per_call"),
    Measure("spans/call", "spans_per_call", 1, 2),
]


def markdown(about: dict[str, object], rows: list[Row]) -> str:
    """The whole section: how it was measured, two tables, what went wrong."""
    servers = [name for name in NAMES if any(row["server"] == name for row in rows)]
    parts = [_preamble(about, rows), _cell_table(rows, servers), _process_table(rows, servers)]
    problems = problem_lines(rows)
    if problems:
        parts.append("**This run does not count:**\n\n" + "\n".join(f"- {line}" for line in problems))
    return "\n\n".join(parts) + "\n"


def problem_lines(rows: list[Row]) -> list[str]:
    """What disqualifies the run, one sentence each."""
    lines = []
    for row in rows:
        where = f"{row['server']}, round {row['round']}"
        if row["kind"] == "cell":
            where += f", {row['workload']} with {row['connections']} in flight"
        lines += [f"{where}: {problem}" for problem in row["problems"]]
    return lines


def marks(name: str) -> tuple[str, str]:
    """What stands before and after the section written by `bench/NAME.py`."""
    return f"<!-- bench:{name} begin (written by bench/{name}.py) -->", f"<!-- bench:{name} end -->"


def place(document: Path, section: str, name: str) -> None:
    """Puts the section between its markers; adds them, or makes the document, when they are missing."""
    begin, end = marks(name)
    text = document.read_text() if document.exists() else "# Benchmarks\n"
    if begin not in text or end not in text:
        text = f"{text.rstrip()}\n\n{begin}\n{end}\n"
    before, _, rest = text.partition(begin)
    after = rest.partition(end)[2]
    document.parent.mkdir(parents=True, exist_ok=True)
    document.write_text(f"{before}{begin}\n{section.rstrip()}\n{end}{after}")


def _preamble(about: dict[str, object], rows: list[Row]) -> str:
    return "\n".join(
        [
            f"Measured {about['date']} with `{about['command']}` at commit {about['commit']}.",
            f"{about['cores']} cores ({about['cpu']}), {about['kernel']}, {about['memory_mb']} MiB,"
            f" data on {about['filesystem']} where 4 KiB + fdatasync takes {about['fdatasync_p50_us']} µs (p50);"
            f" load average before: {about['load1_before']}.",
            f"{' and '.join(about['versions'])}: synced writes, tracing on to an OTLP/gRPC receiver that only counts,"
            f" otherwise as delivered{about['settings']}.",
            f"Rounds: {about['rounds']}, in alternating order, {about['cell_seconds']} s per cell; load generator,"
            " service and receiver share the machine. Figures are medians of the rounds"
            f" (the widest CPU/call cell varied by {_spread(rows):.0%}).",
        ]
    )


def _cell_table(rows: list[Row], servers: list[str]) -> str:
    cells = [row for row in rows if row["kind"] == "cell"]
    lines = [
        _legend(servers),
        "",
        "| workload | in flight | " + " | ".join(measure.title for measure in CELL_MEASURES) + " |",
        "|---|--:|" + "--:|" * len(CELL_MEASURES),
    ]
    for workload, connections in dict.fromkeys((row["workload"], row["connections"]) for row in cells):
        same = [row for row in cells if (row["workload"], row["connections"]) == (workload, connections)]
        figures = [_compared(measure, same, servers) for measure in CELL_MEASURES]
        lines.append(f"| {workload} | {connections} | " + " | ".join(figures) + " |")
    return "\n".join(lines)


def _process_table(rows: list[Row], servers: list[str]) -> str:
    processes = [_with_spans_per_call(row) for row in rows if row["kind"] == "process"]
    lines = ["| the server process | |", "|---|--:|"]
    for measure in PROCESS_MEASURES:
        lines.append(f"| {measure.title} | {_compared(measure, processes, servers)} |")
    return "\n".join(lines)


def _legend(servers: list[str]) -> str:
    if len(servers) < 2:
        return f"Only {NAMES[servers[0]]} was run." if servers else "Nothing was run."
    return "Each figure: **Everspan ÷ Restate** (Everspan : Restate). Below 1 is less; for calls/s, above 1 is more."


def _compared(measure: Measure, rows: list[Row], servers: list[str]) -> str:
    values = [median(measure, rows, server) for server in servers]
    texts = ["–" if value is None else f"{value / measure.divisor:.{measure.decimals}f}" for value in values]
    if len(values) < 2:
        return " ".join(texts)
    if None in values or not values[1]:
        return f"– ({' : '.join(texts)})"
    return f"**{significant(values[0] / values[1])}** ({' : '.join(texts)})"


def median(measure: Measure, rows: list[Row], server: str) -> float | None:
    """Median over the rounds; None when a round has no figure."""
    values = [row[measure.key] for row in rows if row["server"] == server]
    return None if not values or None in values else statistics.median(values)


def significant(ratio: float) -> str:
    """Two significant digits, never in exponent form."""
    decimals = 0 if ratio <= 0 else max(0, 1 - math.floor(math.log10(ratio)))
    return f"{ratio:.{decimals}f}"


def _spread(rows: list[Row]) -> float:
    groups: dict[object, list[float]] = {}
    for row in rows:
        if row["kind"] == "cell":
            groups.setdefault((row["server"], row["workload"], row["connections"]), []).append(row["cpu_us"])
    return max(((max(group) - min(group)) / (statistics.median(group) or 1) for group in groups.values()), default=0)


def _with_spans_per_call(row: Row) -> Row:
    spans, calls = row["spans"], row["calls"]
    return row | {"spans_per_call": None if spans is None else spans / max(calls, 1)}
