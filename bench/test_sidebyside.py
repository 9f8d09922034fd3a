#!/usr/bin/env python3
"""Tests of the benchmark's own arithmetic and text; no server, no port. Run: python3 -m unittest discover bench"""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from sidebyside import delay, hotspots, load, report, tracing_report
from sidebyside.process import BenchError
from sidebyside.trial import Calls

NO_ERRORS = {"non_2xx": 0, "connect": 0, "read": 0, "write": 0, "timeout": 0}
RESULT = (
    'RESULT {"requests":1000,"duration_us":2000000,"p50_us":100,"p90_us":200,"p99_us":300,"max_us":400,'
    '"errors":{"non_2xx":0,"connect":0,"read":0,"write":0,"timeout":0}}'
)
ABOUT = {
    "date": "d", "command": "c", "commit": "x", "cores": 2, "cpu": "p", "kernel": "k", "memory_mb": 1,
    "filesystem": "ext4", "fdatasync_p50_us": 1, "load1_before": 0, "versions": ["a", "b"], "settings": "",
    "rounds": 2, "cell_seconds": 5,
}  # fmt: skip


def cell(server: str, number: int, cpu_us: float, problems: tuple[str, ...] = ()) -> report.Row:
    return {
        "kind": "cell", "server": server, "round": number, "workload": "greet", "connections": 32,
        "cpu_us": cpu_us, "p50_us": 1500, "p99_us": 9000, "per_second": 100, "problems": list(problems),
    }  # fmt: skip


def loaded(requests: int) -> load.Load:
    return load.Load(requests, 1.0, 1, 1, 1, 1, NO_ERRORS, 0.0)


class Wrk(unittest.TestCase):
    def test_the_result_line_is_found_between_the_words_of_wrk(self):
        seen = load.parse_result(f"Running 2s test\n{RESULT}\nRequests/sec: 500", 0.5)
        self.assertEqual((seen.requests, seen.seconds, seen.p99_us), (1000, 2.0, 300))

    def test_output_without_a_result_is_an_error_that_shows_it(self):
        with self.assertRaisesRegex(BenchError, "unable to connect"):
            load.parse_result("unable to connect", 0.0)


class Counters(unittest.TestCase):
    def check(self, total: int, good: bool) -> None:
        calls = Calls()
        calls.add("counter", loaded(100), 32)
        calls.add("greet", loaded(50), 32)
        self.assertEqual(calls.counter_problems(total) == [], good, total)

    def test_answered_calls_count_once_and_cut_off_calls_may(self):
        for total, good in [(99, False), (100, True), (132, True), (133, False)]:
            self.check(total, good)


class Tables(unittest.TestCase):
    def test_a_ratio_compares_the_medians_of_the_rounds(self):
        rows = [cell("everspan", 1, 50), cell("everspan", 2, 70), cell("restate", 1, 500), cell("restate", 2, 700)]
        self.assertIn("| greet | 32 | **0.10** (60 : 600) |", report.markdown(ABOUT, rows))

    def test_one_server_alone_has_no_ratio(self):
        text = report.markdown(ABOUT, [cell("restate", 1, 500)])
        self.assertIn("| greet | 32 | 500 | 1.50 | 9.0 | 100 |", text)

    def test_a_failed_call_disqualifies_the_run(self):
        rows = [cell("restate", 1, 500, ("3 non_2xx",))]
        self.assertEqual(report.problem_lines(rows), ["restate, round 1, greet with 32 in flight: 3 non_2xx"])
        self.assertIn("does not count", report.markdown(ABOUT, rows))

    def test_ratios_have_two_significant_digits(self):
        for ratio, text in [(0.0684, "0.068"), (0.5, "0.50"), (1.26, "1.3"), (12.4, "12"), (0, "0")]:
            self.assertEqual(report.significant(ratio), text)


class Document(unittest.TestCase):
    def test_only_the_text_between_the_markers_changes(self):
        with tempfile.TemporaryDirectory() as folder:
            document = Path(folder) / "docs" / "BENCHMARKS.md"
            report.place(document, "first\n", "a")
            document.write_text(f"{document.read_text()}kept below\n")
            report.place(document, "second\n", "a")
            report.place(document, "other\n", "b")
            text = document.read_text()
        begin, end = report.marks("a")
        self.assertIn(f"{begin}\nsecond\n{end}\nkept below\n\n{report.marks('b')[0]}\nother\n", text)
        self.assertNotIn("first", text)


class Tracing(unittest.TestCase):
    def test_the_cost_is_the_median_of_the_pairs_with_their_middle_half(self):
        pairs = [
            {"kind": "pair", "server": "everspan", "workload": "greet", "connections": 32, "on_us": 100 * ratio,
             "off_us": 100, "ratio": ratio, "problems": []}
            for ratio in (1.00, 1.01, 1.02, 1.03, 1.50)
        ]  # fmt: skip
        text = tracing_report.markdown(ABOUT, pairs)
        self.assertIn("| Everspan | greet | 32 | 5 | 100 | 102 | **1.020** | 1.010 to 1.030 |", text)

    def test_a_percentile_is_a_value_that_was_measured(self):
        for percent, value in [(0, 1), (50, 2), (99, 4), (100, 4)]:
            self.assertEqual(delay.percentile([4, 1, 3, 2], percent), value)


class Hotspots(unittest.TestCase):
    def test_symbols_stand_under_their_thread_the_busiest_thread_first(self):
        text = hotspots.by_thread("# Overhead\n 5.0%;io;[k] send\n 2.0%;log-0;[k] sync \n 4.5%;log-1;[k] sync;-\n")
        lines = [line.strip() for line in text.splitlines() if line]
        self.assertEqual(lines, ["6.5 %  thread log-N", "6.5 %  [k] sync", "5.0 %  thread io", "5.0 %  [k] send"])


if __name__ == "__main__":
    unittest.main()
