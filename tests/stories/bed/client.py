"""A small HTTP client: one request per connection, bounded, no retries of its own."""

import http.client
import json
from dataclasses import dataclass


@dataclass
class Reply:
    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def invocation_id(self) -> str:
        return self.headers["x-restate-id"]

    def ok(self):
        """The JSON result of a call that must have succeeded."""
        assert self.status in (200, 201, 202), f"{self.status} {self.body!r}"
        return self.json() if self.body else None


class Client:
    """Talks to one address. `body` is sent as JSON, unless it is bytes. `headers` is a dict, or pairs to repeat a name."""

    def __init__(self, port: int):
        self.port = port

    def request(self, method: str, path: str, body=None, headers=None, timeout_s: float = 30) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        headers = list(headers.items() if isinstance(headers, dict) else headers or [])
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            if not any(name.lower() == "content-type" for name, _ in headers):
                headers.append(("content-type", "application/json"))
        if body is not None or method in ("POST", "PUT", "PATCH"):
            headers.append(("content-length", str(len(body or b""))))
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            lower = {name.lower(): value for name, value in answer.getheaders()}
            return Reply(answer.status, lower, answer.read())
        finally:
            connection.close()

    def post(self, path: str, body=None, headers=None, timeout_s: float = 30) -> Reply:
        return self.request("POST", path, body, headers, timeout_s)

    def get(self, path: str, timeout_s: float = 30, headers=None) -> Reply:
        return self.request("GET", path, None, headers, timeout_s)

    def patch(self, path: str) -> Reply:
        return self.request("PATCH", path)

    def answers(self, path: str) -> bool:
        """Whether `path` answers 200 now."""
        try:
            return self.get(path, timeout_s=2).status == 200
        except (OSError, http.client.HTTPException):
            return False
