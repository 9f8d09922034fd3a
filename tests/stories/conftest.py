"""Fixtures: one bed per SDK and mode, shared by the stories that leave it standing."""

import pytest

from bed import scenes as play
from bed import tools
from bed.bed import Bed
from bed.otlp import Collector
from bed.service import SDKS, Service
from bed.trial import Trial

MODES = {
    "default": {},
    "always-suspending": {"WORKER__INVOKER__INACTIVITY_TIMEOUT": "0s"},
}


def _beds():
    return [pytest.param((sdk, mode), id=f"{sdk}-{mode}") for sdk in SDKS for mode in MODES]


@pytest.fixture(scope="session", params=_beds())
def bed(request, tmp_path_factory):
    """A running bed with this SDK and mode."""
    sdk, mode = request.param
    bed = Bed(sdk, tmp_path_factory.mktemp(f"{sdk}-{mode}"), MODES[mode]).open()
    yield bed
    bed.close()


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    """Calls of every kind have been made, and all their spans have arrived behind an OTLP agent."""
    home = tmp_path_factory.mktemp("scenes")
    collector = Collector(home)
    settings = play.SETTINGS | {"TRACING_ENDPOINT": f"http://127.0.0.1:{collector.grpc_port}"}
    bed = Bed("python", home, settings)
    if bed.oracle:
        pytest.skip("the rows are Everspan's own contract; the oracle does not claim it")
    try:
        collector.start()
        yield play.Scenes(collector, bed.open()).play()
    finally:
        bed.close()
        collector.close()


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    """The Python service, for servers that come and go."""
    service = Service("python", tmp_path_factory.mktemp("service"))
    service.start()
    yield service
    service.process.kill()


@pytest.fixture
def new_trial(tmp_path, service):
    """Opens a server with settings of its own: `new_trial(settings, environment=…, arguments=…, file=…)`."""
    if tools.server_kind() == "restate":
        pytest.skip("the rows are Everspan's own contract; the oracle does not claim it")
    trials = []

    def open_trial(*settings, **more) -> Trial:
        trials.append(Trial(tmp_path, *settings, **more))
        return trials[-1].open(service.port)

    yield open_trial
    for trial in trials:
        trial.close()


@pytest.fixture
def new_bed(tmp_path):
    """Opens beds of a story's own: `new_bed(sdk, settings)`."""

    def open_bed(sdk: str, settings: dict | None = None) -> Bed:
        home = tmp_path / str(len(open_bed.beds))
        home.mkdir()
        open_bed.beds.append(Bed(sdk, home, settings))
        return open_bed.beds[-1].open()

    open_bed.beds = []
    yield open_bed
    for bed in open_bed.beds:
        bed.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed story shows the end of the logs of its processes."""
    outcome = yield
    report = outcome.get_result()
    if report.when != "call" or not report.failed:
        return
    arguments = getattr(item, "funcargs", {})
    beds = [arguments[name] for name in ("bed", "traced") if name in arguments]
    for bed in beds + getattr(arguments.get("new_bed"), "beds", []):
        for process in (bed.server.process, bed.service.process):
            report.sections.append((process.name, process.log_tail()))
