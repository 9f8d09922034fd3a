"""Two programs that people keep traces in: arize-phoenix and mlflow, each with a database and a port of its own.

Both are slow to start. Nobody waits for it: what is sent to them waits in the server's spool.
"""

import json
import os
import pathlib
import ssl
import urllib.error
import urllib.request

from bed import tools
from bed.certificates import Certificates
from bed.process import Process, free_port, wait_until

# A fresh database takes them half a minute on two cores, and far longer on busy ones.
READY_TIMEOUT_S = 600


class _Database:
    """What both have in common."""

    process: Process

    def start(self):
        self.process.start()

    def close(self):
        self.process.terminate()

    def wait_for(self, trace: str, count: int) -> list:
        """What it keeps of a trace, once that are so many spans."""

        def whole():
            assert self.process.alive(), f"{self.process.name} ended\n" + self.process.log_tail()
            spans = self.spans(trace)
            return spans if len(spans) >= count else None

        return wait_until(whole, READY_TIMEOUT_S, f"{self.process.name} has {count} spans of {trace}", every_s=0.5)


class Phoenix(_Database):
    """Takes gRPC and HTTP, both over TLS, and both from clients with a certificate only."""

    def __init__(self, home: pathlib.Path, certificates: Certificates):
        self.grpc_port, self.http_port = free_port(), free_port()
        self._context = ssl.create_default_context(cafile=certificates.authority)
        self._context.load_cert_chain(certificates.client, certificates.client_key)
        home.mkdir()
        env = dict(os.environ) | {
            "PHOENIX_WORKING_DIR": str(home),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": str(self.http_port),
            "PHOENIX_GRPC_PORT": str(self.grpc_port),
            "PHOENIX_TELEMETRY_ENABLED": "false",
            "PHOENIX_ALLOW_EXTERNAL_RESOURCES": "false",
            "PHOENIX_DISABLE_AGENT_ASSISTANT": "true",
            "PHOENIX_TLS_ENABLED": "true",
            "PHOENIX_TLS_CERT_FILE": str(certificates.server),
            "PHOENIX_TLS_KEY_FILE": str(certificates.server_key),
            "PHOENIX_TLS_CA_FILE": str(certificates.authority),
            "PHOENIX_TLS_VERIFY_CLIENT": "true",
        }
        self.process = Process("phoenix", [tools.receiver("phoenix"), "serve"], env, home / "phoenix.log")

    def spans(self, trace: str) -> list:
        """What it keeps of a trace: one object per span."""
        url = f"https://127.0.0.1:{self.http_port}/v1/projects/default/spans?limit=100&trace_id={trace}"
        answer = _get(url, self._context)
        return answer["data"] if answer else []


class Mlflow(_Database):
    """Takes HTTP with protobuf, into the experiment that a header names."""

    def __init__(self, home: pathlib.Path):
        self.port = free_port()
        home.mkdir()
        command = [
            *(tools.receiver("mlflow"), "server", "--host", "127.0.0.1", "--port", self.port, "--workers", 1),
            *("--backend-store-uri", f"sqlite:///{home}/mlflow.db", "--default-artifact-root", home / "artifacts"),
        ]
        quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        # It starts its web server by name.
        path = {"PATH": f"{pathlib.Path(tools.receiver('mlflow')).parent}:{os.environ['PATH']}"}
        self.process = Process("mlflow", command, dict(os.environ) | quiet | path, home / "mlflow.log")

    def spans(self, trace: str) -> list:
        answer = _get(f"http://127.0.0.1:{self.port}/api/3.0/mlflow/traces/get?trace_id=tr-{trace}")
        return answer["trace"]["spans"] if answer else []


def _get(url: str, context: ssl.SSLContext | None = None):
    """The JSON there; None while nobody answers, or when there is no such thing yet."""
    try:
        with urllib.request.urlopen(url, timeout=30, context=context) as answer:
            return json.load(answer)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None
