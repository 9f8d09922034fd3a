#!/usr/bin/env python3
"""Everspan and restate-server side by side: the same service, the same load, one machine, one run.

    bench/invocations.py                    the full comparison; writes docs/BENCHMARKS.md
    bench/invocations.py --quick            2 s per cell, prints only
    bench/invocations.py --only everspan    one of the two, prints only
    bench/invocations.py --profile          where Everspan spends its CPU (perf)

Exit code 0 only when every call was answered with 2xx and no socket failed.
What the figures mean: bench/README.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from pathlib import Path

from sidebyside import hotspots, machine, report, servers, tools
from sidebyside.command import about_run, run_command
from sidebyside.load import WORKLOADS
from sidebyside.trial import Plan, Row, run_trial


def run(options: argparse.Namespace) -> int:
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    facts = machine.describe(out / "data")
    wrk = tools.wrk()
    tools.check_given(options.everspan, options.restate, options.service, options.receiver)
    compared = chosen_servers(options)
    plan = Plan(
        wrk=wrk,
        service=tools.service(options.service),
        receiver=tools.otlp_receiver(options.receiver),
        cells=[(name, count) for name in options.workloads for count in options.connections],
        cell_seconds=options.seconds or (2 if options.quick else 5),
        warm_up_seconds=1 if options.quick else 3,
        out=out,
    )
    if options.profile:
        hotspots.print_hotspots(plan, compared[0])
        return 0
    about = facts | about_run() | about_options(options, plan, compared)
    rows = measure(plan, compared, options.rounds, raw_file(out, about))
    return conclude(options, about, rows, complete=len(compared) == 2 and not options.quick)


def chosen_servers(options: argparse.Namespace) -> list[servers.Server]:
    """Both, or the one asked for; a profile is of Everspan unless `--only` says otherwise."""
    only = options.only or ("everspan" if options.profile else None)
    chosen = []
    if only != "restate":
        chosen.append(servers.everspan(tools.everspan(options.everspan), dict(options.everspan_env)))
    if only != "everspan":
        chosen.append(servers.restate(tools.restate(options.restate, options.tools), dict(options.restate_env)))
    return chosen


def measure(plan: Plan, compared: list[servers.Server], rounds: int, raw: Path) -> list[Row]:
    """All rounds; every second one in reverse order. Rows reach the raw file as they come."""
    rows: list[Row] = []
    with raw.open("a") as file:
        for number in range(1, rounds + 1):
            for server in compared if number % 2 else compared[::-1]:
                for row in run_trial(plan, server, number):
                    rows.append(row)
                    file.write(json.dumps(row) + "\n")
                    file.flush()
                    print(progress(row), flush=True)
    print(f"\nraw: {raw}\n")
    return rows


def conclude(options: argparse.Namespace, about: dict[str, object], rows: list[Row], complete: bool) -> int:
    """Prints the tables; a complete and clean run also goes into the document."""
    section = report.markdown(about, rows)
    print(section)
    if report.problem_lines(rows):
        print("error: the run had failures, nothing was published", file=sys.stderr)
        return 1
    document = options.docs or (tools.ROOT / "docs" / "BENCHMARKS.md" if complete else None)
    if document:
        report.place(document, section, "invocations")
        print(f"written: {document}")
    return 0


def about_options(options: argparse.Namespace, plan: Plan, compared: list[servers.Server]) -> dict[str, object]:
    return {
        "versions": [tools.version(server.binary) for server in compared],
        "settings": servers.said(compared),
        "rounds": options.rounds,
        "cell_seconds": plan.cell_seconds,
    }


def raw_file(out: Path, about: dict[str, object]) -> Path:
    """A new file of JSON lines; the first line tells what the others belong to."""
    raw = out / f"invocations-{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}.jsonl"
    raw.write_text(json.dumps({"kind": "about", **about}) + "\n")
    return raw


def progress(row: Row) -> str:
    trouble = f"  PROBLEM: {'; '.join(row['problems'])}" if row["problems"] else ""
    if row["kind"] == "process":
        return (
            f"{row['server']:9} round {row['round']}  start {row['start_ms']} ms, RSS {row['idle_mb']} → "
            f"{row['loaded_mb']} MiB, {row['calls']} calls, {row['spans']} spans{trouble}"
        )
    return (
        f"{row['server']:9} round {row['round']}  {row['workload']:8}{row['connections']:4} in flight  "
        f"{row['cpu_us']:7.1f} µs/call  p50 {row['p50_us'] / 1e3:.2f}  p99 {row['p99_us'] / 1e3:.1f} ms  "
        f"{row['per_second']} calls/s  load {row['load1']}{trouble}"
    )


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--quick", action="store_true", help="2 s per cell")
    add("--only", choices=("everspan", "restate"), help="run one of the two")
    add("--profile", action="store_true", help="perf during a greet cell instead of the comparison")
    add("--rounds", type=int, default=2, help="how often each server is measured (default 2)")
    add("--seconds", type=int, help="length of a cell (default 5)")
    add("--workloads", type=names, default=list(WORKLOADS), help="default greet,counter,runs")
    add("--connections", type=counts, default=[1, 32, 128], help="calls in flight (default 1,32,128)")
    add("--everspan", metavar="PATH", help="binary (default: the release build of this tree)")
    add("--restate", metavar="PATH", help="binary (default: installed from npm into --tools)")
    add("--service", metavar="PATH", help="binary (default: built from bench/services/rust)")
    add("--receiver", metavar="PATH", help="binary (default: otlp-receiver of this tree)")
    add("--everspan-env", metavar="KEY=VALUE", type=servers.setting, action="append", default=[])
    add("--restate-env", metavar="KEY=VALUE", type=servers.setting, action="append", default=[])
    add("--tools", type=Path, default=tools.ROOT / "target" / "tools", help="where restate-server is kept")
    add("--out", type=Path, default=tools.ROOT / "target" / "bench", help="raw results, logs and the servers' data")
    add("--docs", type=Path, help="document to write even after a quick or one-sided run")
    return parser.parse_args()


def names(text: str) -> list[str]:
    unknown = set(text.split(",")) - set(WORKLOADS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no workload {', '.join(sorted(unknown))}; there are {', '.join(WORKLOADS)}")
    return text.split(",")


def counts(text: str) -> list[int]:
    return [int(part) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(run_command(run, parse_options()))
