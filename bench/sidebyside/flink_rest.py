"""Flink's REST interface: the few calls that a benchmark makes."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

from .process import BenchError, Process

ENDED = ("FINISHED", "FAILED", "CANCELED")
POLL_SECONDS = 0.02
Json = dict[str, object]


class Rest:
    """Calls to one cluster; an answer that is not 2xx is an error with Flink's words."""

    def __init__(self, address: str):
        self.address = address

    def get(self, path: str) -> Json:
        return self._call(urllib.request.Request(f"{self.address}{path}"))

    def post(self, path: str, body: Json) -> Json:
        return self._call(
            urllib.request.Request(
                f"{self.address}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
            )
        )

    def upload(self, jar: Path) -> str:
        """The jar's id."""
        boundary = uuid.uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="jarfile"; filename="{jar.name}"\r\n'
            "Content-Type: application/x-java-archive\r\n\r\n"
        )
        body = head.encode() + jar.read_bytes() + f"\r\n--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        answer = self._call(urllib.request.Request(f"{self.address}/jars/upload", body, kind))
        return str(answer["filename"]).rpartition("/")[2]

    def run(self, jar: str, arguments: dict[str, object], configuration: dict[str, str]) -> str:
        """Starts the job; its id."""
        body = {
            "entryClass": "everspan.bench.Job",
            "programArgsList": [f"{key}={value}" for key, value in arguments.items()],
            "flinkConfiguration": configuration,
        }
        return str(self.post(f"/jars/{jar}/run", body)["jobid"])

    def wait(self, job: str, watched: list[Process], seconds_max: float) -> Json:
        """The job once it has ended; fails when it takes longer or a process of the cluster ends."""
        deadline = time.monotonic() + seconds_max
        while time.monotonic() < deadline:
            for process in watched:
                process.check_alive()
            seen = self.get(f"/jobs/{job}")
            if seen["state"] in ENDED:
                return seen
            time.sleep(POLL_SECONDS)
        raise BenchError(f"Flink's job {job} has not ended after {seconds_max:.0f} s")

    def cancel(self, job: str) -> None:
        self._call(urllib.request.Request(f"{self.address}/jobs/{job}?mode=cancel", method="PATCH"))

    def accumulators(self, job: str) -> dict[str, int]:
        """What the job's operators counted."""
        told = self.get(f"/jobs/{job}/accumulators")["user-task-accumulators"]
        return {one["name"]: int(one["value"]) for one in told}

    def failure(self, job: str) -> str:
        """Why the job failed."""
        return cause(str(self.get(f"/jobs/{job}/exceptions").get("root-exception")))

    def _call(self, request: urllib.request.Request) -> Json:
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                text = response.read()
                return json.loads(text) if text else {}
        except urllib.error.HTTPError as error:
            raise BenchError(
                f"{request.full_url}: {error.code} {cause(error.read().decode(errors='replace'))}"
            ) from error
        except OSError as error:
            raise BenchError(f"{request.full_url}: {error}") from error


def cause(trace: str) -> str:
    """The innermost cause of a Java stack trace, in one line; what is no stack trace as it is, shortened."""
    return trace.rpartition("Caused by: ")[2].replace("\\n", "\n").partition("\n")[0][:2000]
