"""Promise: what a client puts together is the log, whatever is done to it, to the run and to the service."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.oracle_client import Client, LinesClient, Log, StreamClient, TextClient
from tests.service_process import TERMINAL, Service

WORKERS = """
    from pathlib import Path
    import anyio
    from jobs import Job, worker

    @worker("told")
    async def told(step: Job, folder: str) -> None:
        while True:
            orders = sorted(Path(folder).glob("*.order"))
            if not orders:
                await anyio.sleep(0.002)
                continue
            order = orders[0].read_text()
            orders[0].unlink()
            if order == "end":
                return
            if order == "fail":
                raise RuntimeError("as told")
            for number in range(int(order)):
                level = ("debug", "info", "warning", "error")[number % 4]
                getattr(step.log, level)("line %d of %s", number, orders[0].name)
"""
FILTERS = [{}, {"level": "warning"}, {"events": "job_log"}, {"events": "job_status"}]
READS = st.integers(0, 7).flatmap(
    lambda number: st.tuples(st.just("read"), st.just(number), st.integers(1, 60_000))
)
STEPS = st.one_of(
    READS,
    READS,
    READS,
    st.tuples(st.just("write"), st.sampled_from((1, 2, 5, 40, 300, 1200)), st.just(0)),
    st.tuples(st.just("write"), st.sampled_from((1, 2, 5, 40, 300, 1200)), st.just(0)),
    st.tuples(st.just("restart"), st.sampled_from((signal.SIGTERM, signal.SIGKILL)), st.just(0)),
    st.tuples(st.just("remove"), st.integers(1, 100), st.just(0)),
    st.tuples(st.just("fail"), st.just(0), st.just(0)),
    st.tuples(st.just("retry"), st.just(0), st.just(0)),
)
Steps = list[tuple[str, int, int]]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("oracle"))
    service.add_workers("told", WORKERS)
    service.define(
        "told",
        """
        max_running = 100
        on_restart = "resume"
        [params]
        folder = ""
        [step.one]
        type = "told"
        folder = "{params.folder}"
        """,
    )
    yield service.start()
    if service.process.poll() is None:
        service.kill()


def clients(log: Log, number: int) -> list[Client]:
    """One of each form and filter that there are, from the number on."""
    chosen = FILTERS[number % len(FILTERS)]
    return [
        StreamClient(log, chosen, batch=False),
        StreamClient(log, {}, batch=False),
        StreamClient(log, chosen, batch=True),
        StreamClient(log, {}, batch=True),
        LinesClient(log, chosen),
        LinesClient(log, {}),
        TextClient(log, chosen),
        TextClient(log, {}),
    ]


class Run:
    """A run that is told what to do, and its clients."""

    def __init__(self, service: Service, folder: Path, number: int) -> None:
        self._service = service
        self._folder = folder
        self._orders = 0
        self.log = Log(service, service.run("told", folder=str(folder)))
        self.clients = clients(self.log, number)

    def do(self, what: str, number: int, size: int) -> None:
        """One step."""
        match what:
            case "read":
                self.clients[number].come()
                self.clients[number].read(size, 0.02)
            case "write":
                self._order(str(number))
            case "restart":
                self._restart(number)
            case "remove":
                self.log.remove(number / 100)
            case "fail":
                self._order("fail")
            case "retry":
                self._service.post(f"/managers/{self.log.manager_id}/retry")

    def _order(self, text: str) -> None:
        new = self._folder / "new"
        new.write_text(text)
        new.rename(self._folder / f"{self._orders:05}.order")
        self._orders += 1

    def _restart(self, number: int) -> None:
        """With every client connected; what was sent before is there to be read afterwards."""
        for client in self.clients:
            client.come()
        self._service.stop(number)
        for client in self.clients:
            client.read(100_000_000, 1)
        self._service.start()

    def end(self) -> None:
        """Let it end, and every client read on to its receipt."""
        deadline = time.monotonic() + 30
        while (status := self._status()) not in TERMINAL:
            if not any(self._folder.glob("*.order")):
                self._order("end")
            assert time.monotonic() < deadline, status
            time.sleep(0.01)
        self.log.look()
        for client in self.clients:
            client.come()
            client.read(100_000_000, 10)

    def _status(self) -> str:
        found: str = self._service.get(f"/managers/{self.log.manager_id}")["status"]
        return found

    def check(self) -> None:
        """Compare, and see that whoever has the receipt is not told again."""
        assert self._service.get(f"/managers/{self.log.manager_id}")["last_seq"] == self.log.last_seq
        for client in self.clients:
            client.check(self.log)
            if isinstance(client, StreamClient):
                client.ended = False
                client.come()
                client.read(1_000, 10)
                assert client.ended


def play(service: Service, steps: Steps, number: int) -> None:
    with TemporaryDirectory(prefix="oracle-", dir=service.folder) as folder:
        run = Run(service, Path(folder), number)
        for step in steps:
            run.do(*step)
        run.end()
        run.check()


# The same examples every time: what they find depends on the moment as it is.
same = settings(
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.slow
def test_a_long_story(service: Service) -> None:
    """Each step at least once, with every client behind and not."""
    reads = [("read", number, 3_000 * number + 500) for number in range(8)]
    story: Steps = [
        *reads,
        ("write", 40, 0),
        *reads,
        ("write", 1200, 0),
        *reads,
        ("restart", signal.SIGTERM, 0),
        ("write", 300, 0),
        *reads,
        ("remove", 30, 0),
        *reads,
        ("fail", 0, 0),
        *[("read", number, 10_000_000) for number in range(8)],
        ("retry", 0, 0),
        *reads,
        ("write", 300, 0),
        ("restart", signal.SIGKILL, 0),
        ("write", 40, 0),
        *reads,
        ("remove", 70, 0),
        ("write", 5, 0),
    ]
    play(service, story, 1)


@settings(same, max_examples=8)
@given(
    steps=st.lists(STEPS.filter(lambda step: step[0] != "restart"), min_size=5, max_size=25),
    number=st.integers(0, 3),
)
def test_any_story(service: Service, steps: Steps, number: int) -> None:
    play(service, steps, number)


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(same, max_examples=6)
@given(steps=st.lists(STEPS, min_size=5, max_size=40), number=st.integers(0, 3))
def test_any_story_with_restarts(service: Service, steps: Steps, number: int) -> None:
    play(service, steps, number)
