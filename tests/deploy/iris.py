"""The iris example in containers: asked, labelled and released as its operator would."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from typing import Final

from tests.deploy.containers import Containers, wait_until
from understudy.client import MonitorClient, RegistryClient, ServingClient
from understudy.contracts.monitor import Totals
from understudy.contracts.registry import ReleaseRequest
from understudy.contracts.vocabulary import ReleaseKind

NAME: Final = "iris"
ROW: Final[Mapping[str, object]] = {
    "sepal_length": 5.1,
    "sepal_width": 3.5,
    "petal_length": 1.4,
    "petal_width": 0.2,
}


class Cluster:
    """What an operator and an application have of it."""

    def __init__(self, running: Containers) -> None:
        self.running = running
        self.key = running.secret("registry", "understudy_admin_key")
        self.registry = RegistryClient(running.url("registry"), self.key)
        self.serving = ServingClient(running.url("serving"), self.key)
        self.monitor = MonitorClient(running.url("monitor"), self.key)
        self.answered = 0
        """Predictions that had an answer, here."""
        self.cut_off = 0
        """Predictions that were asked for and had none."""

    def ask(self) -> str:
        answer = self.serving.predict(NAME, ROW)
        self.answered += 1
        return answer.prediction_id

    def totals(self) -> Totals:
        return self.monitor.assessment(NAME).totals

    def seen(self) -> int:
        return sum(self.totals().predictions.values())

    def paired(self) -> int:
        totals = self.totals()
        return sum(totals.pairs.values()) + sum(totals.pair_errors.values())

    @contextmanager
    def counted(self) -> Iterator[None]:
        """What is answered meanwhile is in the log, once, and so are its pairs.

        What is cut off may have been logged before its answer got through.
        """
        seen, paired, self.answered, self.cut_off = self.seen(), self.paired(), 0, 0
        yield
        wait_until(lambda: self.seen() - seen >= self.answered, "the monitor to see the answers")
        wait_until(lambda: self.paired() - paired >= self.answered, "their pairs")
        logged = self.seen() - seen
        assert self.answered <= logged <= self.answered + self.cut_off
        wait_until(lambda: self.paired() - paired >= logged, "all pairs")
        assert self.paired() - paired == logged

    def release(self, kind: ReleaseKind, version: int | None = None) -> None:
        self.registry.release(NAME, ReleaseRequest(kind=kind, version=version, reason="a test"))

    def main(self) -> int:
        return self.serving.predict(NAME, ROW).model.version

    @contextmanager
    def asking(self) -> Iterator[list[str]]:
        """Asks all the while, from another thread; what went wrong is listed."""
        over, failed = Event(), list[str]()

        def ask() -> None:
            while not over.is_set():
                try:
                    self.ask()
                except Exception as error:  # noqa: BLE001 - a failure of any kind is one
                    failed.append(repr(error))
                    self.cut_off += 1
                over.wait(0.05)

        asker = Thread(target=ask)
        asker.start()
        try:
            yield failed
        finally:
            over.set()
            asker.join()


@contextmanager
def following(running: Containers) -> Iterator[Cluster]:
    """Loads the example, and has clients of what runs."""
    running.compose("run", "--rm", "example", "examples.story", "load", "--rows", "100")
    found = Cluster(running)
    with found.registry, found.serving, found.monitor:
        yield found
