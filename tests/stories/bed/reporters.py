"""Reporters as the configuration file has them, and a bed whose server uses them for one trace."""

import pathlib
import secrets

from bed.bed import Bed
from bed.certificates import Certificates

# The spans of one call, by the first word of their names.
FOUR = ["ingress", "invocation-attempt", "invocation-end", "invocation-start"]


def reporter(name: str, endpoint: str, *lines: str) -> str:
    """An OTLP reporter; `lines` are more of its keys."""
    return "\n".join([f"[traces.reporter.{name}]", 'factory = "otlp"', f'endpoint = "{endpoint}"', *lines, ""])


def files(certificates: Certificates, client: bool) -> str:
    """The keys that name whom to trust, and what to show if `client`."""
    lines = [f'certificate = "{certificates.authority}"']
    if client:
        lines.append(f'client-certificate = "{certificates.client}"')
        lines.append(f'client-key = "{certificates.client_key}"')
    return "\n".join(lines)


class Traced:
    """A bed with these reporters, and one call in a trace of ours."""

    def __init__(self, home: pathlib.Path, reporters: list):
        config = home / "everspan.toml"
        config.write_text("\n".join(reporters))
        self.bed = Bed("python", home, {"CONFIG_FILE": str(config)}).open()
        self.trace, self.parent = secrets.token_hex(16), secrets.token_hex(8)
        self.bed.call("Stories/runs", self.bed.ask(n=2), traceparent=f"00-{self.trace}-{self.parent}-01").ok()
