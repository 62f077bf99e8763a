"""Every query of every dashboard, asked of a real Prometheus as Grafana would, during the story."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest

from deploy.grafana.look import VERDICTS
from deploy.grafana.queries import verdict
from deploy.grafana.reading import (
    Choice,
    Choices,
    Dashboard,
    Json,
    Window,
    label_values,
    legend_labels,
)
from tests.cluster import LaptopCluster
from tests.deploy.dashboard_story import DEPLOYMENT, Chapters, asked_beside, tell
from tests.observing import PROMETHEUS, Observatory
from understudy.contracts.vocabulary import ReleaseKind

pytestmark = [
    pytest.mark.timeout(1_800),
    pytest.mark.skipif(PROMETHEUS is None, reason="needs prometheus"),
]
SCRAPE_SECONDS: Final = 5
SETTLE_SECONDS: Final = 20.0
"""A judgement, a scrape and two evaluations of the rules."""

KINDS: Final = [ReleaseKind.PROMOTE, ReleaseKind.ROLLBACK]

SILENT: Final = {
    ("data-plane", "Memory", 'kind="limit"'): "the laptop's Redis has no limit",
    ("data-plane", "Requests turned down", "by (code, status)"): "nothing was refused; all is 0",
}
"""Queries that are right to return nothing in the story, by dashboard, panel and part of them."""


class OnlyPrometheus(Observatory):
    """Nobody is told of alerts here: dashboards ask Prometheus alone."""

    def start(self) -> None:
        self._begin_prometheus()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observatory]:
    folder = tmp_path_factory.mktemp("dashboards")
    # Training the example takes over a minute, more on a busy machine.
    cluster = LaptopCluster(folder / "cluster", with_example=True, start_seconds=600.0)
    try:
        cluster.start()
        watching = OnlyPrometheus(cluster, folder / "watch", SCRAPE_SECONDS)
        try:
            watching.start()
            with asked_beside(cluster):
                tell(cluster, Chapters())
                time.sleep(SETTLE_SECONDS)
                yield watching
        finally:
            watching.stop()
    finally:
        cluster.stop()


@pytest.fixture(scope="module")
def window(watched: Observatory) -> Window:
    """The whole story; all tests look at the same time."""
    releases = watched.cluster.registry.releases(DEPLOYMENT)
    return Window(
        min(r.released_at for r in releases).timestamp() - 60, time.time(), SCRAPE_SECONDS
    )


@pytest.fixture(params=Dashboard.all(), ids=lambda board: board.name)
def board(request: pytest.FixtureRequest) -> Dashboard:
    assert isinstance(request.param, Dashboard)
    return request.param


@dataclass(frozen=True, slots=True)
class Look:
    """A dashboard as somebody looks at it."""

    watched: Observatory
    window: Window
    board: Dashboard
    choices: Choices

    def faults(self, panel: Json) -> Iterator[str]:
        """What is wrong with a panel's queries, for each value that it is repeated for."""
        for scoped in self._scopes(panel):
            for target in panel.get("targets", []):
                asked = self.choices.fill(target["expr"], self.window, **scoped)
                where = f"{self.board.name}: {panel['title']} {target['refId']}: {asked}"
                found = self._ask(asked, now=bool(target.get("instant")))
                if not found and not self._silent(panel, target):
                    yield f"nothing: {where}"
                named = set(legend_labels(target["legendFormat"])) - {"of"}
                told = [set(each["metric"]) for each in found]
                yield from (f"no {named - each}: {where}" for each in told if not named <= each)

    def _ask(self, asked: str, *, now: bool) -> list[Json]:
        if now:
            return self.watched.query(asked)
        window = self.window
        return self.watched.query_range(asked, window.start, window.end, window.step)

    def _scopes(self, panel: Json) -> list[dict[str, str]]:
        name = panel.get("repeat")
        return [{name: each} for each in self.choices.values[name]] if name else [{}]

    def _silent(self, panel: Json, target: Json) -> bool:
        place = (self.board.name, panel["title"])
        return any(place == each[:2] and each[2] in target["expr"] for each in SILENT)


@pytest.fixture
def look(watched: Observatory, window: Window, board: Dashboard) -> Look:
    return _look(watched, window, board)


def test_every_query_returns_series_whose_labels_the_legend_names(look: Look) -> None:
    faults = [fault for panel in look.board.panels() for fault in look.faults(panel)]

    assert not faults, "\n".join(faults)


def test_every_variable_has_values(look: Look) -> None:
    for variable in look.board.variables():
        if variable["type"] == "query":
            assert label_values(variable, look.choices, look.watched, look.window), variable["name"]


def test_a_release_is_one_mark_at_the_time_of_the_release(
    watched: Observatory, window: Window
) -> None:
    board = Dashboard.read("deployment")
    [annotation] = board.annotations()
    asked = _look(watched, window, board).choices.fill(annotation["expr"], window)

    series = watched.query_range(asked, window.start, window.end, SCRAPE_SECONDS)

    # As Grafana takes it: a mark for each time that a series tells.
    marks = {
        (int(each["metric"]["release"]), int(each["metric"]["version"]), float(value) / 1000)
        for each in series
        for _, value in each["values"]
    }
    releases = watched.cluster.registry.releases(DEPLOYMENT)
    made = {(r.release, r.main, r.released_at.timestamp()) for r in releases}
    assert [r.kind for r in sorted(releases, key=lambda r: r.release)][-2:] == KINDS
    assert len(marks) == len(made)
    for release, version, at in marks:
        assert any(
            (release, version) == other[:2] and at == pytest.approx(other[2], abs=0.001)
            for other in made
        )


@pytest.mark.parametrize("name", ["credit-risk", "iris"])
def test_the_verdict_as_a_number_is_the_one_that_the_monitor_tells(
    watched: Observatory, window: Window, name: str
) -> None:
    here = f'deployment="{name}"'
    [found] = watched.query(verdict(here), window.end)
    [told] = watched.query(f"understudy_verdict{{{here}}} == 1", window.end)

    assert VERDICTS[int(float(found["value"][1]))] == told["metric"]["verdict"]


def test_queries_that_may_return_nothing_are_still_asked() -> None:
    asked = [
        (board.name, panel["title"], target["expr"])
        for board in Dashboard.all()
        for panel in board.panels()
        for target in panel.get("targets", [])
    ]
    for name, title, part in SILENT:
        assert any((name, title) == each[:2] and part in each[2] for each in asked)


def _look(watched: Observatory, window: Window, board: Dashboard) -> Look:
    one = next(each for each in board.variables() if each["name"] == "deployment")
    told: dict[str, Choice] = {} if one.get("multi") else {"deployment": DEPLOYMENT}
    return Look(watched, window, board, Choices().resolve(board, watched, window, told))
