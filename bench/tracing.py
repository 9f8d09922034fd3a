#!/usr/bin/env python3
"""What tracing costs a server, and how long its spans take to the collector; Everspan and restate-server in one run.

    bench/tracing.py                    both; writes docs/BENCHMARKS.md
    bench/tracing.py --quick            in about two minutes, prints only
    bench/tracing.py --only everspan    one of the two, prints only

Exit code 0 only when every call was answered and spans arrived. What the figures mean: bench/README.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from sidebyside import machine, report, servers, tools, tracing_report
from sidebyside.command import about_run, run_command
from sidebyside.delay import run_delay
from sidebyside.pairs import run_pairs
from sidebyside.trial import Plan, Row

# Spans per call of `greet`: request, start, attempt, end.
SPANS_PER_CALL = 4


def run(options: argparse.Namespace) -> int:
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    about = machine.describe(out / "data")
    tools.check_given(options.everspan, options.restate, options.service, options.receiver)
    compared = chosen_servers(options)
    plan = Plan(
        wrk=tools.wrk(),
        service=tools.service(options.service),
        receiver=tools.otlp_receiver(options.receiver),
        cells=[(name, options.connections) for name in options.workloads],
        cell_seconds=1 if options.quick else options.seconds,
        warm_up_seconds=1 if options.quick else 4,
        out=out,
    )
    about |= about_run() | {
        "versions": [tools.version(server.binary) for server in compared],
        "settings": servers.said(compared),
    }
    rows = measure(options, plan, compared)
    (out / "tracing.json").write_text(json.dumps({"about": about, "rows": rows}, indent=1))
    section = tracing_report.markdown(about, rows)
    print(f"\n{section}")
    if tracing_report.problem_lines(rows):
        print("error: the run had failures, nothing was published", file=sys.stderr)
        return 1
    if len(compared) == 2 and not options.quick:
        report.place(tools.ROOT / "docs" / "BENCHMARKS.md", section, tracing_report.MARKER)
    return 0


def measure(options: argparse.Namespace, plan: Plan, compared: list[servers.Server]) -> list[Row]:
    """All blocks and rounds; every second one in reverse order."""
    rows: list[Row] = []
    pairs, blocks = (2, 1) if options.quick else (options.pairs, options.blocks)
    for number in range(1, blocks + 1):
        for server in compared if number % 2 else compared[::-1]:
            for row in run_pairs(plan, server, number, pairs):
                rows.append(row)
                if row["kind"] == "pair":
                    print(
                        f"{row['server']:9} block {number}  {row['workload']:8} off {row['off_us']:7.1f}"
                        f"  on {row['on_us']:7.1f}  ratio {row['ratio']:.3f}",
                        flush=True,
                    )
            row = run_delay(
                plan, server, number, options.spans_per_second // SPANS_PER_CALL, 3 if options.quick else 10
            )
            rows.append(row)
            print(
                f"{row['server']:9} block {number}  delay p50 {row['p50_ms']:.0f} ms, p99 {row['p99_ms']:.0f} ms,"
                f" largest {row['max_ms']:.0f} ms, first {row['first_after_end_ms']:.0f} ms"
                f" ({row['spans']} spans, {row['spans_per_second']}/s)",
                flush=True,
            )
    return rows


def chosen_servers(options: argparse.Namespace) -> list[servers.Server]:
    chosen = []
    if options.only != "restate":
        chosen.append(servers.everspan(tools.everspan(options.everspan), dict(options.everspan_env)))
    if options.only != "everspan":
        chosen.append(servers.restate(tools.restate(options.restate, options.tools), dict(options.restate_env)))
    return chosen


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="short cells, prints only")
    parser.add_argument("--only", choices=["everspan", "restate"])
    parser.add_argument("--blocks", type=int, default=3, help="times everything is started afresh")
    parser.add_argument("--pairs", type=int, default=8, help="pairs of cells in a block")
    parser.add_argument("--seconds", type=int, default=3, help="length of a cell")
    parser.add_argument("--connections", type=int, default=32, help="calls in flight")
    parser.add_argument("--workloads", nargs="+", default=["greet", "runs"])
    parser.add_argument("--spans-per-second", type=int, default=2000, help="rate at which the delay is measured")
    parser.add_argument("--everspan", metavar="PATH", help="instead of building it")
    parser.add_argument("--restate", metavar="PATH", help="instead of installing it")
    parser.add_argument("--service", metavar="PATH", help="instead of building it")
    parser.add_argument("--receiver", metavar="PATH", help="instead of building it")
    parser.add_argument("--tools", type=Path, default=tools.ROOT / "target" / "tools")
    parser.add_argument("--out", type=Path, default=tools.ROOT / "target" / "bench")
    for server in ("everspan", "restate"):
        parser.add_argument(f"--{server}-env", metavar="KEY=VALUE", type=servers.setting, action="append", default=[])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_command(run, parse_options()))
