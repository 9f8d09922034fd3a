"""The server under test. Everspan and the oracle differ in the names of their variables only."""

import os
import pathlib

from bed import tools
from bed.client import Client
from bed.process import Process, free_port, wait_until

START_TIMEOUT_S = 60
RETRY_INTERVAL = {"DEFAULT_RETRY_POLICY__INITIAL_INTERVAL": "50ms", "DEFAULT_RETRY_POLICY__MAX_INTERVAL": "1s"}
ORACLE = {
    "NODE_NAME": "n1",
    "CLUSTER_NAME": "stories",
    "BIND_IP": "127.0.0.1",
    "LISTEN_MODE": "tcp",
    "DISABLE_TELEMETRY": "true",
    "LOG_FILTER": "warn",
    "DEFAULT_NUM_PARTITIONS": "4",
}


class Server:
    """One server process with ports and a data directory of its own, which survive its restarts."""

    def __init__(self, home: pathlib.Path, settings: dict | None = None, environment: dict | None = None, arguments=()):
        """`settings` are variables without the server's prefix, `environment` those with a name of their own."""
        self.kind = tools.server_kind()
        self.ingress_port, self.admin_port = free_port(), free_port()
        self.ingress, self.admin = Client(self.ingress_port), Client(self.admin_port)
        self.base_dir = home / "data"
        oracle = ["--no-logo"] if self.kind == "restate" else []
        command = [tools.server_binary(), *oracle, *arguments]
        env = self._env(settings or {}) | (environment or {})
        self.process = Process("server", command, env, home / "server.log")

    def start(self):
        self.process.start()
        wait_until(self._healthy, START_TIMEOUT_S, "the server is healthy")

    def kill_and_restart(self):
        self.process.kill()
        self.start()

    def terminate_and_restart(self):
        code = self.process.terminate()
        assert code == 0, f"the server ended with {code} after SIGTERM"
        self.start()

    def register(self, service_port: int) -> dict:
        return self.admin.post("/deployments", {"uri": f"http://127.0.0.1:{service_port}"}).ok()

    def _healthy(self) -> bool:
        assert self.process.alive(), "the server ended\n" + self.process.log_tail()
        return self.ingress.answers("/restate/health") and self.admin.answers("/health")

    def _env(self, settings: dict) -> dict:
        own = {
            "BASE_DIR": str(self.base_dir),
            "INGRESS__BIND_ADDRESS": f"127.0.0.1:{self.ingress_port}",
            "ADMIN__BIND_ADDRESS": f"127.0.0.1:{self.admin_port}",
            **RETRY_INTERVAL,
            **settings,
        }
        if self.kind == "everspan":
            # What the runtime tells of itself is counted nowhere but in the stories about it.
            own = {"TRACING_FILTER": "info,org.apache.flink=off"} | own
        if self.kind == "restate":
            own |= ORACLE | {"BIND_PORT": str(free_port())}
        prefix = "RESTATE_" if self.kind == "restate" else "EVERSPAN_"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RESTATE_", "EVERSPAN_", "OTEL_"))}
        oracle_export = {"OTEL_BSP_SCHEDULE_DELAY": "300"} if self.kind == "restate" else {}
        return inherited | oracle_export | {prefix + name: value for name, value in own.items()}
