#!/usr/bin/env python3
"""Stream jobs, Everspan and Flink side by side: the same generators, the same results, one machine, one run.

    bench/streams.py                    the full comparison; writes docs/BENCHMARKS.md
    bench/streams.py --quick            one round of a fiftieth of the events, prints only
    bench/streams.py --only flink       one of the two, prints only
    bench/streams.py --workloads q5,q8  some of them, prints only
    bench/streams.py --profile          where Everspan spends its CPU in each of them (perf)

Exit code 0 only when every run gave the result that the others gave. What the figures mean: bench/README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from sidebyside import flink_home, hotspots, machine, model, report, streams_report, tools
from sidebyside.command import about_run, run_command
from sidebyside.engines import CELL_SECONDS_MAX, Row, everspan_argv, fresh_folder, run_everspan, run_flink
from sidebyside.flink_cluster import Cluster
from sidebyside.workloads import WORKLOADS, Workload, chosen, scaled, smaller

QUICK_DIVISOR = 50
WARM_UP_DIVISOR = 4
CHECK_EVENTS = 200_000
ENGINES = ("everspan", "flink")


def run(options: argparse.Namespace) -> int:
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    about = (
        machine.describe(out / "data")
        | about_run()
        | {
            "rounds": 1 if options.quick else options.rounds,
        }
    )
    if options.profile:
        profile(options, out)
        return 0
    rows = list(Run(options, about["rounds"], out).rows())
    (out / "streams.json").write_text(json.dumps({"about": about, "rows": rows}, indent=1))
    section = streams_report.markdown(about, rows)
    print(f"\n{section}")
    if streams_report.problem_lines(rows):
        print("error: the run had failures, nothing was published", file=sys.stderr)
        return 1
    complete = not (options.quick or options.only or options.workloads)
    document = options.docs or (tools.ROOT / "docs" / "BENCHMARKS.md" if complete else None)
    if document:
        report.place(document, section, streams_report.MARKER)
        print(f"written: {document}")
    return 0


class Run:
    """All rounds of all chosen workloads on the chosen engines."""

    def __init__(self, options: argparse.Namespace, rounds: int, out: Path):
        self.out = out
        self.rounds = rounds
        self.parallelisms = options.parallelism
        self.engines = [name for name in ENGINES if options.only in (None, name)]
        self.known = scaled(WORKLOADS, QUICK_DIVISOR) if options.quick else WORKLOADS
        self.workloads = chosen(options.workloads, self.known)
        if "everspan" in self.engines:
            self.binary = tools.stream_bench(options.everspan)
        if "flink" in self.engines:
            self.home = flink_home.home(options.tools)

    def rows(self) -> Iterator[Row]:
        for number in range(1, self.rounds + 1):
            for row in self._round(number):
                print(streams_report.progress(row), flush=True)
                yield row

    def _round(self, number: int) -> Iterator[Row]:
        """A fresh cluster: first what a start costs, then each workload on both engines in turns."""
        order = self.engines if number % 2 else self.engines[::-1]
        with ExitStack() as stack:
            self.cluster = None
            if "flink" in self.engines:
                self.cluster = stack.enter_context(Cluster(self.home, self.out / "data" / "flink", self.out))
            yield from self._fresh(order, number)
            if number == 1:
                yield from self._checks()
            for workload in self.workloads:
                for parallelism in self.parallelisms:
                    if self.cluster:
                        run_flink(self.cluster, workload, smaller(workload.events, WARM_UP_DIVISOR), parallelism)
                    for engine in order:
                        yield self._cell(engine, workload, workload.events_of(engine), parallelism, number)

    def _fresh(self, order: list[str], number: int) -> Iterator[Row]:
        """The first job of a process: from the start to the first record, and the memory of a keyed sum."""
        sum_heap = self._plain("sum")
        for engine in order:
            row = self._cell(engine, sum_heap, sum_heap.events, 1, number)
            yield row | {"kind": "fresh"}

    def _plain(self, query: str) -> Workload:
        """The workload of this query without checkpoints."""
        return next(one for one in self.known if one.query == query and not one.checkpoint_interval_ms)

    def _checks(self) -> Iterator[Row]:
        """Every query in small beside the model; where Everspan runs more events than Flink, also without checkpoints."""
        for query in dict.fromkeys(["sum", *(one.query for one in self.workloads)]):
            yield model_row(query)
            for engine in self.engines:
                for parallelism in self.parallelisms:
                    yield self._cell(engine, self._plain(query), CHECK_EVENTS, parallelism, 1) | {"kind": "check"}
        for workload in self.workloads:
            if workload.everspan_events and "everspan" in self.engines:
                plain, large = self._plain(workload.query), workload.events_of("everspan")
                yield self._cell("everspan", plain, large, 1, 1) | {"kind": "check"}

    def _cell(self, engine: str, workload: Workload, events: int, parallelism: int, number: int) -> Row:
        if engine == "flink":
            row = run_flink(self.cluster, workload, events, parallelism)
        else:
            row = run_everspan(self.binary, workload, events, parallelism, self.out)
        return row | {"round": number}


def profile(options: argparse.Namespace, out: Path) -> None:
    """Each chosen workload once on Everspan under perf, at each parallelism."""
    binary = tools.stream_bench(options.everspan)
    for workload in chosen(options.workloads, WORKLOADS):
        for parallelism in options.parallelism:
            with fresh_folder(out) as checkpoints:
                events = workload.events_of("everspan")
                argv = everspan_argv(binary, workload, events, parallelism, checkpoints)
                recording = out / f"everspan-{workload.query}-{parallelism}.perf.data"
                hotspots.print_program_hotspots(argv, recording, CELL_SECONDS_MAX)


def model_row(query: str) -> Row:
    outputs, checksum = model.result(query, CHECK_EVENTS)
    about = {"kind": "model", "engine": "model", "workload": query, "query": query, "parallelism": 1, "round": 1}
    return about | {"events": CHECK_EVENTS, "outputs": outputs, "checksum": checksum}


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--quick", action="store_true", help="one round, few events")
    add("--only", choices=ENGINES, help="run one of the two")
    add("--profile", action="store_true", help="perf of Everspan instead of the comparison")
    add("--workloads", type=workload_names, default=[], help="some, by name or query, e.g. `wc,q5,sum heap`")
    add("--parallelism", type=parallelisms, default=[1, 2], help="default 1,2")
    add("--rounds", type=int, default=2, help="how often everything is measured (default 2)")
    add("--everspan", metavar="PATH", help="program (default: built from bench/streams)")
    add("--tools", type=Path, default=tools.ROOT / "target" / "tools", help="where Flink is kept")
    add("--docs", type=Path, help="document to write even after a partial run")
    add("--out", type=Path, default=tools.ROOT / "target" / "bench", help="raw results, logs and data")
    return parser.parse_args()


def workload_names(text: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if not chosen([name], WORKLOADS):
            raise argparse.ArgumentTypeError(
                f"no workload {name}; there are {', '.join(one.name for one in WORKLOADS)}"
            )
    return names


def parallelisms(text: str) -> list[int]:
    values = text.split(",")
    if not set(values) <= {"1", "2"}:
        raise argparse.ArgumentTypeError(f"{text}: 1, 2 or 1,2")
    return [int(value) for value in values]


if __name__ == "__main__":
    sys.exit(run_command(run, parse_options()))
