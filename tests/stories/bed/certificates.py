"""Certificates of one story: an authority, a server on 127.0.0.1, and a client."""

import pathlib
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Certificates:
    """PEM files."""

    authority: pathlib.Path
    server: pathlib.Path
    server_key: pathlib.Path
    client: pathlib.Path
    client_key: pathlib.Path


def make(home: pathlib.Path) -> Certificates:
    try:
        import trustme
    except ImportError as error:
        pytest.skip(f"{error}; pip install -r tests/stories/requirements-trace.txt")
    made = Certificates(*(home / name for name in ("ca.pem", "server.pem", "server.key", "client.pem", "client.key")))
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(made.authority))
    _write(authority.issue_cert("127.0.0.1", "localhost"), made.server, made.server_key)
    _write(authority.issue_cert("everspan@example.com"), made.client, made.client_key)
    return made


def _write(leaf, certificate: pathlib.Path, key: pathlib.Path):
    leaf.private_key_pem.write_to_path(str(key))
    for number, blob in enumerate(leaf.cert_chain_pems):
        blob.write_to_path(str(certificate), append=number > 0)
