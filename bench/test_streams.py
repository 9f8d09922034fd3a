#!/usr/bin/env python3
"""Tests of what bench/streams.py and bench/checkpoints.py compute and write; no process, no port."""

from __future__ import annotations

import subprocess
import tempfile
import unittest
from pathlib import Path

from sidebyside import checkpoints_report, engines, flink_rest, kept_state, model, program, streams_report, workloads
from sidebyside.process import BenchError

ABOUT = {
    "date": "d", "command": "c", "commit": "x", "cores": 2, "cpu": "p", "kernel": "k", "memory_mb": 1,
    "filesystem": "ext4", "fdatasync_p50_us": 1, "load1_before": 0, "rounds": 2,
    "keeping": {"keys": 1000, "value_bytes": 200, "interval_ms": 4000},
}  # fmt: skip
SPAN = (
    "2026-11-21 16:16:25,900 INFO  Slf4jTraceReporter - Reported span: SimpleSpan{scope=o.a.f.CheckpointStatsTracker,"
    " name=JobInitialization, startTsMillis=1000, endTsMillis=1226, attributes={initializationStatus=COMPLETED,"
    " fullSize=25316318, checkpointId=5, sumRestoredStateSizeBytes.LOCAL_DISK=25296693}}\n"
)
FRESH_SPAN = "Reported span: SimpleSpan{scope=x, name=JobInitialization, startTsMillis=1, endTsMillis=2, attributes={jobId=94f9}}\n"


def run(engine: str, number: int = 1, **changed: object) -> dict[str, object]:
    row = {
        "kind": "cell", "engine": engine, "workload": "sum heap", "query": "sum", "parallelism": 1, "round": number,
        "events": 10_000_000, "outputs": 7, "checksum": -5, "cpu_s": 1.0, "wall_s": 2.0, "peak_mb": 100.0,
        "first_record_ms": 10.0, "wants_checkpoints": False, "checkpoints": 0, "checkpoints_failed": 0, "e2e_ms": [],
        "pause_ms_max": None, "load1": 0,
    }  # fmt: skip
    return row | changed


def kept(engine: str, **changed: object) -> dict[str, object]:
    row = {
        "engine": engine, "backend": "lsm", "round": 1, "e2e_ms": [10.0, 20.0, 60.0], "bytes": [5e6, 6e6, 7e6],
        "full_bytes": 200e6, "pause_ms_max": 3.0, "failed": 0, "recovery_ms": 50, "restored_bytes": 200e6,
        "peak_mb": 1.0, "problems": [],
    }  # fmt: skip
    return row | changed


class Results(unittest.TestCase):
    def check(self, rows: list[dict[str, object]], problem: str | None) -> None:
        lines = streams_report.problem_lines(rows)
        self.assertEqual(len(lines), 0 if problem is None else 1, lines)
        self.assertIn(problem or "", "".join(lines))

    def test_a_run_counts_only_when_all_results_of_a_query_are_the_same(self):
        for rows, problem in [
            ([run("everspan"), run("flink")], None),
            ([run("everspan"), run("flink", checksum=5)], "sum of 10000000 events: flink, sum heap, p=1, round 1"),
            ([run("everspan"), run("flink"), run("everspan", 2, outputs=8)], "everspan, sum heap, p=1, round 2"),
            ([run("everspan"), run("flink", workload="sum lsm", parallelism=2, checksum=6)], "flink, sum lsm, p=2"),
            ([run("everspan"), run("flink", events=5, checksum=6)], "sum: nothing to compare"),
            ([run("flink"), run("model")], None),
            ([run("flink"), run("everspan", wants_checkpoints=True)], "none was completed"),
        ]:
            self.check(rows, problem)

    def test_a_disqualified_run_says_so_in_its_section(self):
        text = streams_report.markdown(ABOUT, [run("everspan"), run("flink", checksum=5)])
        self.assertIn("**This run does not count:**", text)


class Tables(unittest.TestCase):
    def test_a_ratio_compares_the_medians_of_the_rounds(self):
        rows = [run("everspan", 1, cpu_s=0.5), run("everspan", 2, cpu_s=0.25), run("flink", 1, cpu_s=10.0)]
        text = streams_report.markdown(ABOUT, rows)
        self.assertIn("| sum heap | 1 | 10 M | **30** (30.00 : 1.00) | ≥ 20 | **1.0** (5.00 : 5.00) |", text)

    def test_checkpoints_show_the_median_of_their_times_and_the_longest_pause_of_all_rounds(self):
        done = {"wants_checkpoints": True, "checkpoints": 3, "e2e_ms": [10, 20, 90], "pause_ms_max": 4.0}
        rows = [run("everspan", 1, **done), run("everspan", 2, **done | {"pause_ms_max": 6.0})]
        rows += [run("flink", 1, **done | {"checkpoints_failed": 1, "e2e_ms": [200], "pause_ms_max": 60.0})]
        text = streams_report.markdown(ABOUT, rows)
        self.assertIn("| sum heap | 1 | 6, 0 : 3, 1 | **0.10** (20 : 200) | **0.10** (6.0 : 60.0) |", text)

    def test_only_the_first_job_of_a_process_tells_of_start_and_memory(self):
        rows = [run(engine, kind=kind, peak_mb=mb) for engine, kind, mb in [
            ("everspan", "fresh", 50.0), ("flink", "fresh", 500.0), ("flink", "cell", 900.0), ("everspan", "cell", 1.0)
        ]]  # fmt: skip
        self.assertIn("at its highest, MiB | **0.10** (50 : 500) | ≤ 0.3 |", streams_report.markdown(ABOUT, rows))

    def test_checkpoints_of_kept_state_compare_medians_and_recoveries(self):
        rows = [kept("everspan"), kept("flink", e2e_ms=[200.0], recovery_ms=500, failed=2)]
        text = checkpoints_report.markdown(ABOUT, rows)
        self.assertIn("| LSM : RocksDB, incremental | **0.10** (20 : 200) |", text)
        self.assertIn("| **0.10** (50 : 500) | 0 : 2 |", text)


class Flink(unittest.TestCase):
    def test_a_start_that_restores_nothing_is_no_recovery(self):
        self.assertEqual(
            kept_state.restorations(FRESH_SPAN + SPAN),
            [{"start_ms": 1000, "duration_ms": 226, "checkpoint": 5, "state_bytes": 25316318}],
        )

    def test_of_a_stack_trace_the_innermost_cause_is_shown(self):
        for trace, shown in [
            ("x\\n\\tat a\\nCaused by: b\\n\\tat c\\nCaused by: d\\n\\tat e", "d"),
            ("java.lang.IllegalStateException: f\n\tat g", "java.lang.IllegalStateException: f"),
        ]:
            self.assertEqual(flink_rest.cause(trace), shown)

    def test_every_kind_of_state_has_its_backend_and_no_interval_means_no_checkpoint(self):
        self.assertNotIn("execution.checkpointing.interval", engines.job_configuration("heap", None))
        made = engines.job_configuration("lsm", 1000)
        self.assertEqual((made["state.backend.type"], made["execution.checkpointing.interval"]), ("rocksdb", "1000 ms"))


class Kept(unittest.TestCase):
    def test_checkpoints_of_the_loading_are_not_counted(self):
        taken = [
            {"status": status, "e2e_ms": e2e, "bytes": 1, "full_bytes": 2, "pause_ms_max": e2e}
            for status, e2e in [("COMPLETED", 900), ("FAILED", 0), ("COMPLETED", 800), ("COMPLETED", 10)]
        ]
        row = kept_state.figures("flink", "heap", taken, [{"duration_ms": 5, "state_bytes": 2}], 0, 1.0)
        self.assertEqual((row["e2e_ms"], row["pause_ms_max"], row["failed"], row["problems"]), ([10], 10, 1, []))

    def test_a_run_that_was_not_restored_once_or_lost_keys_does_not_count(self):
        for restored, absent, problem in [
            ([], 0, "restored 0 times"),
            ([{"duration_ms": 1, "state_bytes": 1}], 3, "3 keys"),
        ]:
            row = kept_state.figures("flink", "heap", [], restored, absent, 1.0)
            self.assertIn(problem, row["problems"][0])


class Workloads(unittest.TestCase):
    def test_every_size_divides_evenly_at_every_parallelism(self):
        for divisor in (1, 7, 50, 10**9):
            for one in workloads.scaled(workloads.WORKLOADS, divisor):
                for events in (one.events_of("everspan"), one.events_of("flink")):
                    self.assertTrue(events > 0 and events % 2000 == 0, (one.name, divisor, events))


class Model(unittest.TestCase):
    def test_the_model_gives_what_flink_gave(self):
        """Results of Flink 1.20.5."""
        for query, events, outputs, checksum in [
            ("sum", 200_000, 200_000, 2643956028885174833),
            ("q5", 80_000, 8, 3093080483947174648),
        ]:
            self.assertEqual(model.result(query, events), (outputs, checksum), query)

    def test_every_workload_has_a_model(self):
        self.assertEqual(set(model.QUERIES), {one.query for one in workloads.WORKLOADS})


class Chosen(unittest.TestCase):
    def test_workloads_are_chosen_by_name_or_by_query(self):
        for names, found in [
            (["wc"], ["wc"]),
            (["sum heap"], ["sum heap"]),
            (["sum"], ["sum heap", "sum heap + checkpoints", "sum lsm + checkpoints"]),
            (["no"], []),
            ([], [one.name for one in workloads.WORKLOADS]),
        ]:
            self.assertEqual([one.name for one in workloads.chosen(names, workloads.WORKLOADS)], found)


class Programs(unittest.TestCase):
    def test_the_result_is_the_last_line_and_anything_else_is_an_error_that_shows_it(self):
        self.assertEqual(program.said('progress\n{"events": 3}\n', ["bench"]), {"events": 3})
        for text, shown in [("", "nothing"), ("{}\nno events\n", "no events")]:
            with self.assertRaisesRegex(BenchError, shown):
                program.said(text, ["bench"])

    def test_a_program_that_fails_or_hangs_is_an_error_with_its_words(self):
        log = Path(self.enterContext(tempfile.TemporaryDirectory())) / "log"
        for command, seconds_max, words in [
            ("echo broken >&2; exit 3", 60, "code 3.*\nbroken"),
            ("sleep 600; true", 0.1, "code -9"),
        ]:
            with self.assertRaisesRegex(BenchError, words):
                program.run_program(["sh", "-c", command], log, seconds_max)

    def test_the_kernels_count_of_cpu_and_memory_comes_with_the_result(self):
        log = Path(self.enterContext(tempfile.TemporaryDirectory())) / "log"
        done = program.run_program(["python3", "-c", "sum(range(10**6)); print('{\"events\": 1}')"], log, 60)
        self.assertEqual(done.said, {"events": 1})
        self.assertGreater(done.cpu_s, 0)

    def test_the_memory_is_the_programs_own_and_not_that_of_this_process(self):
        held_by_this_process = bytearray(200 * 2**20)
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
            memory = program.PeakMemory(child.pid)
            memory.look()
            child.stdin.close()
        self.assertTrue(0 < memory.seen_mb < len(held_by_this_process) / 2**20 / 2, memory.seen_mb)

    def test_a_process_that_has_ended_has_no_memory(self):
        for status, mb in [("VmPeak:\t 9 kB\nVmHWM:\t    2048 kB\n", 2.0), ("State:\tZ (zombie)\n", 0.0)]:
            self.assertEqual(program.highest_mb(status), mb)


if __name__ == "__main__":
    unittest.main()
