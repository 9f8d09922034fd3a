"""TLS in front of a port that speaks none: OpenSSL's, and strict about clients if asked."""

import socket
import ssl
import threading

from bed.certificates import Certificates

CHUNK = 65536


class Terminator:
    """Takes TLS on `port`, passes the bytes on to `inner_port`."""

    def __init__(self, inner_port: int, protocol: str, certificates: Certificates, asks_clients: bool):
        """`protocol` is what the inner port speaks, in the words of ALPN."""
        self._inner_port = inner_port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificates.server, certificates.server_key)
        self._context.set_alpn_protocols([protocol])
        if asks_clients:
            self._context.verify_mode = ssl.CERT_REQUIRED
            self._context.load_verify_locations(certificates.authority)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.close()

    def _accept(self):
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket):
        try:
            outer = self._context.wrap_socket(plain, server_side=True)
            inner = socket.create_connection(("127.0.0.1", self._inner_port))
        except OSError:
            plain.close()
            return
        threading.Thread(target=_pump, args=(inner, outer), daemon=True).start()
        _pump(outer, inner)


def _pump(source: socket.socket, sink: socket.socket):
    try:
        while chunk := source.recv(CHUNK):
            sink.sendall(chunk)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
