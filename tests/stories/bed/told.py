"""What the spans of one invocation tell."""

from bed.otlp import Collector, Span

ID = "restate.invocation.id"
NUMBER = "everspan.attempt.number"
OUTCOME = "everspan.attempt.outcome"


class Told:
    """The spans of one invocation, once all of them have arrived."""

    def __init__(self, collector: Collector, id: str):
        self.collector = collector
        self.id = id

    @property
    def ingress(self) -> Span:
        return self._only("ingress")

    @property
    def start(self) -> Span:
        return self._only("invocation-start")

    @property
    def attempt(self) -> Span:
        """The only attempt."""
        return self._only("invocation-attempt")

    @property
    def end(self) -> Span:
        return self._only("invocation-end")

    @property
    def attempts(self) -> list:
        """All attempts, in order."""
        return sorted(self._all("invocation-attempt"), key=lambda span: span.attributes[NUMBER])

    @property
    def spans(self) -> list:
        return [span for span in self.collector.all() if span.attributes.get(ID) == self.id]

    @property
    def events(self) -> list:
        """The events of all attempts, in order."""
        return [event for attempt in self.attempts for event in attempt.events]

    def outcomes(self) -> list:
        return [attempt.attributes[OUTCOME] for attempt in self.attempts]

    def _only(self, what: str) -> Span:
        spans = self._all(what)
        assert len(spans) == 1, f"{len(spans)} spans {what} of {self.id}, beside {[span.name for span in self.spans]}"
        return spans[0]

    def _all(self, what: str) -> list:
        return [span for span in self.spans if span.what == what]
