"""The collector: figures that were read off the log, as they were computed last.

Nothing is computed at a scrape, so that it is cheap however many deployments there are.
"""

from collections.abc import Callable, Iterator, Sequence

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from services.monitor.domain.readings import Figures
from services.monitor.metrics.alerts import AlertFamilies
from services.monitor.metrics.drift import DriftFamilies
from services.monitor.metrics.judging import JudgementFamilies
from services.monitor.metrics.labelled import LabelFamilies
from services.monitor.metrics.window import WindowFamilies
from understudy.profiles.arrays import Floats


class FiguresCollector(Collector):
    """Reads figures at each scrape."""

    def __init__(
        self, figures: Callable[[], Sequence[Figures]], edges: Floats, most_features: int
    ) -> None:
        self._figures = figures
        self._edges = edges
        self._most_features = most_features

    def describe(self) -> list[Metric]:
        """Names without reading figures, so that registering needs none."""
        return list(self._families(()))

    def collect(self) -> Iterator[Metric]:
        """All families, also those without samples."""
        return self._families(self._figures())

    def _families(self, found: Sequence[Figures]) -> Iterator[Metric]:
        window = WindowFamilies(self._edges, self._most_features)
        judgements, labelled = JudgementFamilies(), LabelFamilies()
        alerts = AlertFamilies()
        drift = DriftFamilies(self._most_features)
        for figures in found:
            window.add(figures)
            labelled.add(figures.labelled)
            if figures.drift is not None:
                drift.add(figures.drift)
            if figures.judgement is not None:
                judgements.add(figures.judgement)
                alerts.add(figures.judgement)
        yield from window
        yield from drift
        yield from judgements
        yield from alerts
        yield from labelled
