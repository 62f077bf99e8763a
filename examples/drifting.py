"""The drift demonstration: normal traffic, then drifted, with the monitor's readings of both."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pydantic import BaseModel

from examples.candidates import Outcome
from examples.credit.applicants import Drift
from examples.credit.train import draw
from examples.traffic import Counts, Traffic, arrivals
from understudy.client import ClientError, MonitorClient, ServingClient
from understudy.contracts.monitor import Assessment


class Reading(BaseModel):
    """What the monitor said at one moment, by feature."""

    at_seconds: float
    rows: int
    """In the monitor's window."""
    drift_psi: dict[str, float]
    missing_ratio: dict[str, float]


class Recording(BaseModel):
    """A whole demonstration: enough to draw its plot again."""

    deployment: str
    rate: float
    shifted: tuple[str, ...] = Drift.shifted
    """Features whose values the simulator moves: their drift gauge should rise."""
    withheld: tuple[str, ...] = Drift.withheld
    """Features that applicants state less often: their missing gauge should rise."""
    switched_at_seconds: float | None = None
    """When the first drifted applicant was sent."""
    readings: list[Reading] = []
    gaps: int = 0
    """How often the monitor did not answer."""

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature that the monitor read."""
        return tuple(self.readings[-1].missing_ratio) if self.readings else ()

    def verdict(self) -> dict[str, float]:
        """The final drift of what was shifted, and `others` for the highest of the rest."""
        last = self.readings[-1].drift_psi if self.readings else {}
        others = [psi for name, psi in last.items() if name not in self.shifted]
        shifted = {name: last[name] for name in self.shifted if name in last}
        return {**shifted, "others": max(others, default=0.0)}

    def write(self, path: Path) -> None:
        """Keep it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.model_dump_json(indent=1))


class Demonstration:
    """Sends both phases and asks the monitor about once a second."""

    def __init__(
        self,
        serving: ServingClient,
        monitor: MonitorClient,
        deployment: str,
        *,
        rate: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._traffic = Traffic(serving, deployment, clock=clock, sleep=sleep)
        self._monitor = monitor
        self._rate = rate
        self._clock = clock
        self.recording = Recording(deployment=deployment, rate=rate)

    def run(
        self,
        normal_seconds: float,
        drifted_seconds: float,
        *,
        seed: int,
        tick: Callable[[float], None] = lambda _: None,
    ) -> Counts:
        """Run both phases; `tick` is told the seconds gone."""
        started = self._clock()

        def watch(_: float) -> None:
            at_seconds = self._clock() - started
            self._read(at_seconds)
            tick(at_seconds)

        normal = arrivals(draw, seed)
        self._traffic.run(normal, rate=self._rate, seconds=normal_seconds, tick=watch)
        self.recording.switched_at_seconds = self._clock() - started
        drifted = arrivals(_draw_drifted, seed)
        self._traffic.run(drifted, rate=self._rate, seconds=drifted_seconds, tick=watch)
        return self._traffic.counts

    def _read(self, at_seconds: float) -> None:
        try:
            assessment = self._monitor.assessment(self.recording.deployment)
        except ClientError:
            self.recording.gaps += 1
            return
        self.recording.readings.append(reading_of(assessment, at_seconds))


def reading_of(assessment: Assessment, at_seconds: float) -> Reading:
    """What the plot needs of an assessment."""
    return Reading(
        at_seconds=at_seconds,
        rows=assessment.rows,
        drift_psi=dict(_present((f.feature, f.drift_psi) for f in assessment.features)),
        missing_ratio=dict(_present((f.feature, f.missing_ratio) for f in assessment.features)),
    )


def _present(pairs: Iterator[tuple[str, float | None]]) -> Iterator[tuple[str, float]]:
    return ((name, value) for name, value in pairs if value is not None)


def _draw_drifted(rows: int, seed: int) -> list[Outcome]:
    return draw(rows, seed, Drift())
