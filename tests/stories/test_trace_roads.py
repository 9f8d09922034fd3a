"""One trace by every road to a receiver: all three forms of OTLP, with gzip or not, with TLS and client certificates or not.

One server has a reporter per road, and each adds the road's name to its spans. The agent (rotel) stands at the end of
all of them; TLS ends in OpenSSL before it.
"""

import dataclasses

import pytest

from bed import certificates
from bed.otlp import Collector
from bed.process import wait_until
from bed.reporters import FOUR, Traced, files, reporter
from bed.terminator import Terminator

ROAD = "story.road"

# name, protocol, compression, TLS
ROADS = [
    (f"{protocol}-{compression}-{tls}", protocol, compression, tls)
    for protocol in ("grpc", "protobuf", "json")
    for compression in ("none", "gzip")
    for tls in ("plain", "tls", "mutual")
]
NAMES = [road[0] for road in ROADS]
SCHEMES = {"grpc": "http", "protobuf": "otlp+http", "json": "otlp+json+http"}


class Roads:
    """The agent, the roads to it, and a trace that is on its way."""

    def __init__(self, home):
        self.certificates = certificates.make(home)
        self.rotel = Collector(home).start()
        self.terminators = []
        self.traced = Traced(home, [self._road(*road) for road in ROADS])

    def close(self):
        self.traced.bed.close()
        for terminator in self.terminators:
            terminator.close()
        self.rotel.close()

    def arrived(self, road: str) -> dict:
        """The spans that took this road, by what they are."""

        def four():
            spans = [span for span in self.rotel.spans(self.traced.trace) if span.attributes.get(ROAD) == road]
            return spans if len(spans) >= len(FOUR) else None

        spans = wait_until(four, 60, f"four spans by {road}")
        assert sorted(span.what for span in spans) == FOUR, "each once"
        return {span.what: span for span in spans}

    def _road(self, name: str, protocol: str, compression: str, tls: str) -> str:
        port = self.rotel.grpc_port if protocol == "grpc" else self.rotel.http_port
        lines = [f'compression = "{compression}"', f'scope.variables.additional = {{ "{ROAD}" = "{name}" }}']
        scheme = SCHEMES[protocol]
        if tls != "plain":
            alpn, is_mutual = "h2" if protocol == "grpc" else "http/1.1", tls == "mutual"
            terminator = Terminator(port, alpn, self.certificates, asks_clients=is_mutual)
            self.terminators.append(terminator)
            port, scheme = terminator.port, scheme + "s"
            lines.append(files(self.certificates, client=is_mutual))
        return reporter(name, f"{scheme}://127.0.0.1:{port}", *lines)


@pytest.fixture(scope="module")
def roads(tmp_path_factory):
    roads = Roads(tmp_path_factory.mktemp("roads"))
    yield roads
    roads.close()


def test_the_first_road_brings_the_trace_whole(roads):
    spans = roads.arrived(NAMES[0])
    assert spans["ingress"].parent == roads.traced.parent
    assert spans["invocation-attempt"].parent == spans["invocation-start"].id
    assert len(spans["invocation-attempt"].events) == 5
    assert spans["ingress"].resource["service.name"] == "Everspan"


@pytest.mark.parametrize("road", NAMES[1:])
def test_every_other_road_brings_the_same(roads, road):
    assert _without_road(roads.arrived(road)) == _without_road(roads.arrived(NAMES[0]))


def _without_road(spans: dict) -> dict:
    rest = {what: {k: v for k, v in span.attributes.items() if k != ROAD} for what, span in spans.items()}
    return {what: dataclasses.replace(span, attributes=rest[what]) for what, span in spans.items()}
