"""A review as its page shows it: what comes first, what is folded, which finding leads where."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from services.registry.domain.versions import Version
from services.registry.pages import review_words as say
from services.registry.pages.charts.drawing import around
from services.registry.pages.charts.numbers import figure, percent
from services.registry.pages.charts.whiskers import bounds_of
from understudy.contracts.reviews import (
    AttributeFairness,
    Bars,
    ColumnFacts,
    Correlations,
    Dependence,
    Estimate,
    Finding,
    Importance,
    Metric,
    Review,
    ShapFeature,
)
from understudy.contracts.vocabulary import Severity, class_name

MOST_FEATURES: Final = 30
MOST_CORRELATED: Final = 25
MOST_EXPLAINED: Final = 15
MOST_CLASSES: Final = 40
"""Of which the confusion matrix is drawn; of more, the most frequent confusions are listed."""
_MOST_CONFUSED: Final = 20
_MOST_LISTED: Final = 20
_WITH_UNITS: Final = frozenset({"mean_answer", "mean_error", "rmse", "mean_score"})


@dataclass(frozen=True, slots=True)
class Confused:
    """Rows of one class that were answered with another."""

    true: str
    answered: str
    rows: int
    share: float
    """Of the rows of the true class."""


@dataclass(frozen=True, slots=True)
class Robustness:
    """The deciding metric by how much of one feature's values were taken away."""

    feature: str
    by_share: Mapping[float, tuple[Estimate, float]]


class Report:
    """What the templates read. All texts are legible."""

    def __init__(self, review: Review, classes: Sequence[str] = ()) -> None:
        """`classes` are the target's, in the signature's order."""
        self.review = say.legible(review)
        self._classes = tuple(say.plain(name) for name in classes)

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """Places of features, those that the answers hang on most first."""
        return {one.feature: place for place, one in enumerate(self.importances)}

    @cached_property
    def importances(self) -> tuple[Importance, ...]:
        """The largest first."""
        explained = self.review.explanations
        return explained.importances if explained else ()

    @cached_property
    def columns(self) -> tuple[ColumnFacts, ...]:
        """Features, the most important first."""
        found = (one for one in self.review.data.columns if one.part == "feature")
        last = len(self.ranks)
        return tuple(sorted(found, key=lambda one: self.ranks.get(one.name, last)))

    @property
    def shown(self) -> tuple[ColumnFacts, ...]:
        """Features that have a card."""
        return self.columns[:MOST_FEATURES]

    @property
    def folded(self) -> tuple[ColumnFacts, ...]:
        """All other features."""
        return self.columns[MOST_FEATURES:]

    @property
    def other_columns(self) -> tuple[ColumnFacts, ...]:
        """The target, the time, protected attributes."""
        return tuple(one for one in self.review.data.columns if one.part != "feature")

    @cached_property
    def correlated(self) -> tuple[int, ...]:
        """Places in the correlations of those features that are drawn."""
        found = self.review.data.correlations
        if found is None:
            return ()
        last = len(self.ranks)
        places = sorted(
            range(len(found.names)), key=lambda at: self.ranks.get(found.names[at], last)
        )
        return tuple(sorted(places[:MOST_CORRELATED]))

    @cached_property
    def strongest(self) -> tuple[tuple[str, str, float], ...]:
        """The pairs of features that vary together most."""
        found = self.review.data.correlations
        if found is None:
            return ()
        return tuple(sorted(_pairs(found), key=lambda pair: -abs(pair[2]))[:10])

    @cached_property
    def flags(self) -> Mapping[str, tuple[Finding, ...]]:
        """Findings by what they concern."""
        held: dict[str, tuple[Finding, ...]] = {}
        for finding in self.review.findings:
            for subject in finding.subjects:
                held[subject] = (*held.get(subject, ()), finding)
        return held

    @cached_property
    def explained(self) -> tuple[Importance, ...]:
        """Importances that are listed."""
        return self.importances[:MOST_FEATURES]

    @property
    def most_growth(self) -> float:
        """The end of the importances' scale."""
        return max((one.growth.high or one.growth.value for one in self.importances), default=0.0)

    @property
    def differences(self) -> tuple[float, float]:
        """Bounds of the slices' scale."""
        results = self.review.results
        return bounds_of(one.difference for one in results.slices) if results else (0.0, 0.0)

    @cached_property
    def dependences(self) -> tuple[Dependence, ...]:
        """Those that are drawn."""
        found = self.review.explanations
        return found.dependences[:MOST_EXPLAINED] if found else ()

    @cached_property
    def answers(self) -> tuple[float, float]:
        """Bounds that all of them are drawn between, so that their heights can be compared."""
        ends = [end for one in self.dependences for end in (*one.low, *one.high, *one.answers)]
        return around(ends)

    @property
    def swarm(self) -> tuple[ShapFeature, ...]:
        """Of the features with the largest contributions."""
        found = self.review.explanations and self.review.explanations.shap
        features = found.features if found else ()
        return tuple(sorted(features, key=lambda one: -one.mean_size)[:MOST_EXPLAINED])

    @cached_property
    def robustness(self) -> tuple[Robustness, ...]:
        """What is left of the deciding metric without values."""
        explained = self.review.explanations
        held: dict[str, dict[float, tuple[Estimate, float]]] = {}
        for one in explained.without if explained else ():
            held.setdefault(one.feature, {})[one.share] = (one.metric, one.refused)
        return tuple(Robustness(name, by) for name, by in list(held.items())[:_MOST_LISTED])

    @property
    def shares_taken(self) -> tuple[float, ...]:
        """Which shares of values were taken away."""
        return tuple(sorted({share for one in self.robustness for share in one.by_share}))

    @property
    def deciding(self) -> Metric | None:
        """The metric that findings look at."""
        results = self.review.results
        metrics = results.metrics if results else ()
        return next((one for one in metrics if results and one.name == results.deciding), None)

    @property
    def base_rate(self) -> float | None:
        """How often the positive class occurs where the results were measured."""
        results = self.review.results
        if results is None or results.positive is None:
            return None
        for one in self.review.data.classes:
            if one.label == results.positive:
                return one.reference if one.evaluation is None else one.evaluation
        return None

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """In the confusion matrix's order."""
        results = self.review.results
        size = len(results.confusion) if results else 0
        stated = self._classes or tuple(
            say.plain(class_name(one.label)) for one in self.review.data.classes
        )
        return stated if len(stated) == size else tuple(f"class {at + 1}" for at in range(size))

    @cached_property
    def confused(self) -> tuple[Confused, ...]:
        """The most frequent confusions."""
        results, names = self.review.results, self.class_names
        found = [
            Confused(names[row], names[column], rows, rows / sum(counts))
            for row, counts in enumerate(results.confusion if results else ())
            for column, rows in enumerate(counts)
            if row != column and rows
        ]
        return tuple(sorted(found, key=lambda one: -one.rows)[:_MOST_CONFUSED])

    @property
    def drawn_confusion(self) -> bool:
        """Whether there are few enough classes for a matrix."""
        return 0 < len(self.class_names) <= MOST_CLASSES

    @property
    def class_bars(self) -> Bars | None:
        """How often classes occur, as a histogram."""
        found = self.review.data.classes
        if not found:
            return None
        names = tuple(say.plain(class_name(one.label)) for one in found)
        compared = all(one.evaluation is not None for one in found)
        evaluation = tuple(one.evaluation or 0.0 for one in found) if compared else None
        return Bars(tuple(one.reference for one in found), evaluation, names=names)

    @staticmethod
    def figures_of(attribute: AttributeFairness) -> tuple[str, ...]:
        """Names of the figures that any group has."""
        names = [name for group in attribute.groups for name in group.figures]
        order = [*say.GROUP_FIGURES, *names]
        return tuple(sorted(set(names), key=order.index))

    @staticmethod
    def told_of(name: str) -> Callable[[float], str]:
        """How a group's figure is written: shares in per cent, what has a unit as a number."""
        return figure if name in _WITH_UNITS else percent

    @staticmethod
    def gap_bounds(attribute: AttributeFairness, name: str) -> tuple[float, float]:
        """Of a gap's scale: shares have one together, what has a unit has its own."""
        alike = (
            gap.size
            for gap in attribute.gaps
            if gap.figure == name or not {gap.figure, name} & _WITH_UNITS
        )
        return bounds_of(alike)

    @property
    def failed_checks(self) -> int:
        """How many data tests do not hold."""
        return sum(not one.passed for one in self.review.data.checks)


def classes_of(version: Version) -> tuple[str, ...]:
    """Names of the target's classes, in their order."""
    return tuple(class_name(label) for label in version.draft.signature.target.classes)


def tally(findings: Sequence[Finding]) -> tuple[tuple[Severity, int], ...]:
    """How many there are of each kind."""
    counted = Counter(one.severity for one in findings)
    return tuple((severity, counted[severity]) for severity in Severity)


def _pairs(found: Correlations) -> Iterator[tuple[str, str, float]]:
    for row, name in enumerate(found.names):
        for column in range(row):
            value = found.values[row][column]
            if value is not None:
                yield found.names[column], name, value
