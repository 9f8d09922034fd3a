"""A collector in a process of its own that keeps every request as it came, and behaves as badly as it is told.

    python -m bed.sink PORT FILE

The file gets one record for each request: arrival (ns), whether it was taken, the sender's port, its bytes;
written before the answer leaves, so that what the sender believes delivered is in the file. How to behave is
read from `FILE.mood` at each request: `{"delay_s": 1}` answers late, `{"refuse_for_s": 1}` answers UNAVAILABLE
with a RetryInfo of that length, `{"reject": 2}` takes the request but says that 2 of its spans were rejected.
The metadata of the last request is in `FILE.headers`. SIGTERM lets the request under way end.
"""

import json
import pathlib
import signal
import struct
import sys
import threading
import time
from concurrent import futures

RECORD = struct.Struct("<QBHI")
METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
MESSAGE_BYTES_MAX = 64 << 20
STOP_GRACE_S = 15


class Taker:
    """Appends requests to the file and answers as the mood says."""

    def __init__(self, path: pathlib.Path):
        self._mood = path.with_name(path.name + ".mood")
        self._headers = path.with_name(path.name + ".headers")
        self._file = path.open("ab")
        self._lock = threading.Lock()

    def export(self, body: bytes, context) -> bytes:
        import grpc

        mood = json.loads(self._mood.read_text()) if self._mood.exists() else {}
        time.sleep(mood.get("delay_s", 0))
        refuse_for_s = mood.get("refuse_for_s")
        self._headers.write_text(json.dumps({key: str(value) for key, value in context.invocation_metadata()}))
        port = int(context.peer().rsplit(":", 1)[1])
        self._write(body if refuse_for_s is None else b"", refuse_for_s is None, port)
        if refuse_for_s is not None:
            context.set_trailing_metadata((("grpc-status-details-bin", _retry_info(refuse_for_s)),))
            context.abort(grpc.StatusCode.UNAVAILABLE, "told to refuse")
        return _partial_success(mood["reject"]) if "reject" in mood else b""

    def _write(self, body: bytes, taken: bool, port: int):
        with self._lock:
            self._file.write(RECORD.pack(time.time_ns(), taken, port, len(body)) + body)
            self._file.flush()


def _retry_info(seconds: float) -> bytes:
    """A `google.rpc.Status` with one `google.rpc.RetryInfo`, written by hand."""
    whole = int(seconds)
    delay = _int(1, whole) + _int(2, int((seconds - whole) * 1e9))
    info = _bytes(1, b"type.googleapis.com/google.rpc.RetryInfo") + _bytes(2, _bytes(1, delay))
    return _int(1, 14) + _bytes(2, b"told to refuse") + _bytes(3, info)


def _partial_success(rejected: int) -> bytes:
    """An `ExportTraceServiceResponse`."""
    return _bytes(1, _int(1, rejected) + _bytes(2, b"told to reject"))


def _int(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def serve(port: int, path: pathlib.Path):
    import grpc

    taker = Taker(path)
    handler = grpc.unary_unary_rpc_method_handler(taker.export)
    options = [("grpc.max_receive_message_length", MESSAGE_BYTES_MAX), ("grpc.so_reuseport", 0)]
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=8), options=options)
    service, method = METHOD.strip("/").split("/")
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {method: handler}),))
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    assert server.add_insecure_port(f"127.0.0.1:{port}") == port, f"port {port} is taken"
    server.start()
    print("ready", flush=True)
    stop.wait()
    server.stop(STOP_GRACE_S).wait()


if __name__ == "__main__":
    serve(int(sys.argv[1]), pathlib.Path(sys.argv[2]))
