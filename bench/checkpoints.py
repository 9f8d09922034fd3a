#!/usr/bin/env python3
"""Checkpoints of keyed state and recovery from one, Everspan and Flink side by side in one run.

    bench/checkpoints.py                  the full comparison; writes docs/BENCHMARKS.md
    bench/checkpoints.py --quick          a tenth of the keys, a checkpoint each second; prints only
    bench/checkpoints.py --only flink     one of the two, prints only

Exit code 0 only when every run failed once, as asked, and found every key again. What the figures mean: bench/README.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from sidebyside import checkpoints_report, flink_home, kept_state, machine, report, tools
from sidebyside.command import about_run, run_command
from sidebyside.engines import Row

ENGINES = checkpoints_report.ENGINES
QUICK = kept_state.Keeping(keys=100_000, interval_ms=1000, checkpoints=8, fail_after=5)


def run(options: argparse.Namespace) -> int:
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    keeping = QUICK if options.quick else kept_state.Keeping()
    about = (
        machine.describe(out / "data")
        | about_run()
        | {
            "rounds": 1 if options.quick else options.rounds,
            "keeping": dataclasses.asdict(keeping),
        }
    )
    rows = list(measure(options, keeping, about["rounds"], out))
    (out / "checkpoints.json").write_text(json.dumps({"about": about, "rows": rows}, indent=1))
    section = checkpoints_report.markdown(about, rows)
    print(f"\n{section}")
    if checkpoints_report.problem_lines(rows):
        print("error: the run had failures, nothing was published", file=sys.stderr)
        return 1
    complete = not (options.quick or options.only) and len(options.backends) == len(checkpoints_report.BACKENDS)
    document = options.docs or (tools.ROOT / "docs" / "BENCHMARKS.md" if complete else None)
    if document:
        report.place(document, section, checkpoints_report.MARKER)
        print(f"written: {document}")
    return 0


def measure(options: argparse.Namespace, keeping: kept_state.Keeping, rounds: int, out: Path) -> Iterator[Row]:
    """Every backend on both engines, each in a fresh process; every second round in reverse order."""
    engines = [name for name in ENGINES if options.only in (None, name)]
    binary = tools.stream_bench(options.everspan) if "everspan" in engines else ""
    home = flink_home.home(options.tools) if "flink" in engines else None
    for number in range(1, rounds + 1):
        for backend in options.backends:
            for engine in engines if number % 2 else engines[::-1]:
                if engine == "everspan":
                    row = kept_state.run_everspan(binary, keeping, backend, out)
                else:
                    row = kept_state.run_flink(home, keeping, backend, out)
                row |= {"round": number}
                print(checkpoints_report.progress(row), flush=True)
                yield row


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--quick", action="store_true", help="one round, a tenth of the keys")
    add("--only", choices=ENGINES, help="run one of the two")
    add("--backends", nargs="+", choices=list(checkpoints_report.BACKENDS), default=list(checkpoints_report.BACKENDS))
    add("--rounds", type=int, default=2, help="how often everything is measured (default 2)")
    add("--everspan", metavar="PATH", help="program (default: built from bench/streams)")
    add("--tools", type=Path, default=tools.ROOT / "target" / "tools", help="where Flink is kept")
    add("--docs", type=Path, help="document to write even after a partial run")
    add("--out", type=Path, default=tools.ROOT / "target" / "bench", help="raw results, logs and data")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_command(run, parse_options()))
