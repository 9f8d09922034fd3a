"""A standalone Flink on this machine: one JobManager and one TaskManager, on loopback and ports that were free."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import ExitStack
from pathlib import Path

from .flink_home import Home
from .flink_rest import Rest
from .process import BenchError, Process, free_ports

START_SECONDS_MAX = 120.0
JOB_MANAGER_HEAP_MB = 768
TASK_MANAGER_HEAP_MB = 3072
SLOTS = 2
# What the distribution's own scripts open to Java 17.
OPENED = [
    "--add-exports=java.base/sun.net.util=ALL-UNNAMED",
    "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED",
    "--add-exports=jdk.compiler/com.sun.tools.javac.api=ALL-UNNAMED",
    "--add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED",
    *(
        f"--add-opens=java.base/{package}=ALL-UNNAMED"
        for package in (
            "java.lang java.net java.io java.nio sun.nio.ch java.lang.reflect java.text java.time java.util"
            " java.util.concurrent java.util.concurrent.atomic java.util.concurrent.locks"
        ).split()
    ),
]
LOGGING = """\
rootLogger.level=INFO
rootLogger.appenderRef.file.ref=File
appender.file.name=File
appender.file.type=File
appender.file.fileName=${sys:log.file}
appender.file.layout.type=PatternLayout
appender.file.layout.pattern=%d %-5p %c - %m%n
"""


class Cluster:
    """A running cluster with the job uploaded. Leaving the `with` block ends both processes and removes its folder."""

    def __init__(self, home: Home, folder: Path, logs: Path):
        self.folder = folder
        self.logs = logs
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "conf").mkdir(parents=True)
        rest, rpc, blobs = free_ports(3)
        write_configuration(folder, configuration(folder, rest, rpc, blobs))
        (folder / "conf" / "log4j.properties").write_text(LOGGING)
        self.rest = Rest(f"http://127.0.0.1:{rest}")
        self._home = home
        self._stack = ExitStack()

    def __enter__(self) -> Cluster:
        with ExitStack() as stack:
            stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
            conf = ["--configDir", str(self.folder / "conf")]
            self.job_manager = stack.enter_context(
                self._java(
                    "jobmanager",
                    JOB_MANAGER_HEAP_MB,
                    "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
                    [*conf, "--executionMode", "cluster"],
                )
            )
            self.task_manager = stack.enter_context(
                self._java(
                    "taskmanager",
                    TASK_MANAGER_HEAP_MB,
                    "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
                    [*conf, "-D", "taskmanager.resource-id=bench"],
                )
            )
            self._wait_for_slots()
            self.jar = self.rest.upload(self._home.job)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def processes(self) -> list[Process]:
        return [self.job_manager, self.task_manager]

    @property
    def started_ns(self) -> int:
        return self.job_manager.started_ns

    def log_text(self, role: str) -> str:
        return (self.logs / f"flink-{role}.log").read_text(errors="replace")

    def _java(self, role: str, heap_mb: int, main: str, arguments: list[str]) -> Process:
        log = self.logs / f"flink-{role}.log"
        log.unlink(missing_ok=True)
        argv = [
            "java",
            f"-Xms{heap_mb}m",
            f"-Xmx{heap_mb}m",
            "-XX:+UseG1GC",
            "-XX:MaxDirectMemorySize=512m",
            f"-Dlog.file={log}",
            f"-Dlog4j.configurationFile=file:{self.folder}/conf/log4j.properties",
            *OPENED,
            "-cp",
            f"{self._home.lib}/*",
            main,
            *arguments,
        ]
        env = {
            "FLINK_CONF_DIR": f"{self.folder}/conf",
            "FLINK_PLUGINS_DIR": str(self._home.plugins),
            "FLINK_LIB_DIR": str(self._home.lib),
        }
        return Process(f"Flink's {role}", argv, self.logs / f"flink-{role}.out", env)

    def _wait_for_slots(self) -> None:
        deadline = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < deadline:
            for process in self.processes:
                process.check_alive()
            try:
                if self.rest.get("/overview")["slots-available"] == SLOTS:
                    return
            except BenchError:
                pass
            time.sleep(0.02)
        raise BenchError(f"Flink has not registered its TaskManager after {START_SECONDS_MAX:.0f} s; see {self.logs}")


def configuration(folder: Path, rest: int, rpc: int, blobs: int) -> dict[str, object]:
    """Addresses, folders and memory; everything else is Flink's default. Jobs add their own."""
    host = "127.0.0.1"
    return {
        "jobmanager.rpc.address": host,
        "jobmanager.bind-host": host,
        "jobmanager.rpc.port": rpc,
        "rest.address": host,
        "rest.bind-address": host,
        "rest.port": rest,
        "blob.server.port": blobs,
        "taskmanager.host": host,
        "taskmanager.bind-host": host,
        "taskmanager.numberOfTaskSlots": SLOTS,
        "taskmanager.cpu.cores": SLOTS,
        "taskmanager.memory.task.heap.size": f"{TASK_MANAGER_HEAP_MB - 128}m",
        "taskmanager.memory.task.off-heap.size": "0m",
        "taskmanager.memory.framework.heap.size": "128m",
        "taskmanager.memory.framework.off-heap.size": "128m",
        "taskmanager.memory.network.min": "128m",
        "taskmanager.memory.network.max": "128m",
        "taskmanager.memory.managed.size": "1024m",
        "taskmanager.memory.jvm-metaspace.size": "256m",
        "taskmanager.memory.jvm-overhead.min": "256m",
        "taskmanager.memory.jvm-overhead.max": "256m",
        "io.tmp.dirs": f"{folder}/tmp",
        "execution.checkpointing.dir": f"file://{folder}/checkpoints",
        "restart-strategy.type": "fixed-delay",
        "restart-strategy.fixed-delay.attempts": 1,
        "restart-strategy.fixed-delay.delay": "1s",
        "web.checkpoints.history": 1000,
        "traces.reporters": "log",
        "traces.reporter.log.factory.class": "org.apache.flink.traces.slf4j.Slf4jTraceReporterFactory",
    }


def write_configuration(folder: Path, values: dict[str, object]) -> None:
    lines = [f"{key}: {json.dumps(value)}" for key, value in values.items()]
    (folder / "conf" / "config.yaml").write_text("\n".join(lines) + "\n")
