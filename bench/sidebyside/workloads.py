"""The stream workloads: what is run on both sides, how large, and what Everspan wants to reach."""

from __future__ import annotations

from dataclasses import dataclass

CHECKPOINT_INTERVAL_MS = 1000


@dataclass(frozen=True)
class Workload:
    """One row of the table; `events` are a multiple of 2,000, of which every parallelism here takes its even share."""

    name: str
    query: str
    events: int
    target: float
    """Events per CPU-second, Everspan ÷ Flink."""
    backend: str = "heap"
    checkpoint_interval_ms: int | None = None
    everspan_events: int | None = None
    """More than Flink's where a run of the same size would end before its second checkpoint."""

    def events_of(self, engine: str) -> int:
        return self.everspan_events or self.events if engine == "everspan" else self.events


WORKLOADS = [
    Workload("src", "src", 200_000_000, 1),
    Workload("wc", "wc", 15_000_000, 10),
    Workload("sum heap", "sum", 10_000_000, 20),
    Workload("sum heap + checkpoints", "sum", 10_000_000, 20, "heap", CHECKPOINT_INTERVAL_MS, 100_000_000),
    Workload("sum lsm + checkpoints", "sum", 2_500_000, 3, "lsm", CHECKPOINT_INTERVAL_MS),
    Workload("q0", "q0", 100_000_000, 2),
    Workload("q1", "q1", 100_000_000, 2),
    Workload("q2", "q2", 100_000_000, 2),
    Workload("q5", "q5", 4_000_000, 10),
    Workload("q8", "q8", 20_000_000, 5),
]


def chosen(names: list[str], workloads: list[Workload]) -> list[Workload]:
    """Those of a name, or of a query, that is asked for; all when nothing is."""
    return [one for one in workloads if not names or one.name in names or one.query in names]


def scaled(workloads: list[Workload], divisor: int) -> list[Workload]:
    """The same with fewer events, for a look at whether everything runs."""
    return [
        Workload(
            one.name,
            one.query,
            smaller(one.events, divisor),
            one.target,
            one.backend,
            one.checkpoint_interval_ms,
            smaller(one.everspan_events, divisor) if one.everspan_events else None,
        )
        for one in workloads
    ]


def smaller(events: int, divisor: int) -> int:
    return max(2000, events // divisor // 2000 * 2000)


def disagreements(rows: list[dict[str, object]]) -> list[str]:
    """Runs of one query over as many events must give one result: whatever the engine, parallelism, backend, checkpoints."""
    seen: dict[tuple[object, object], dict[str, object]] = {}
    lines = []
    for row in rows:
        first = seen.setdefault((row["query"], row["events"]), row)
        if (row["outputs"], row["checksum"]) != (first["outputs"], first["checksum"]):
            lines.append(
                f"{row['query']} of {row['events']} events: {run_name(row)} gives {row['outputs']} records"
                f" ({row['checksum']}), {run_name(first)} {first['outputs']} ({first['checksum']})"
            )
    return lines


def unverified(rows: list[dict[str, object]]) -> list[str]:
    """Queries whose result nobody else confirmed: neither the other engine nor the model, at any size."""
    engines: dict[tuple[object, object], set[object]] = {}
    for row in rows:
        engines.setdefault((row["query"], row["events"]), set()).add(row["engine"])
    compared = {query for (query, _), who in engines.items() if len(who) > 1}
    return [f"{query}: nothing to compare its result with" for query in sorted({q for q, _ in engines} - compared)]


def run_name(row: dict[str, object]) -> str:
    return f"{row['engine']}, {row['workload']}, p={row['parallelism']}, round {row['round']}"
