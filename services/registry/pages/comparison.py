"""`/models/{model}/compare`: two versions side by side."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from services.registry.domain.reviews import NoReviewError
from services.registry.domain.versions import Version
from services.registry.operations import Operations
from services.registry.operations.reach import not_found
from services.registry.pages import charts
from services.registry.pages import review_words as say
from services.registry.pages.charts import numbers
from services.registry.pages.charts.whiskers import bounds_of
from services.registry.pages.review import Report, classes_of, tally
from services.registry.pages.versions import hidden, reader
from services.registry.pages.visits import Visit, shown, visit_of
from understudy.contracts.refusals import Refusal
from understudy.contracts.registry import MAX_NUMBER
from understudy.contracts.reviews import (
    ColumnFacts,
    Estimate,
    Finding,
    Metric,
    Review,
)
from understudy.contracts.signature import Feature
from understudy.contracts.vocabulary import FindingCode
from understudy.runtime.documents import Documents
from understudy.runtime.keys import Caller

_MOST_IMPORTANCES: Final = 20
_MOST_CHANGES: Final = 60
Pair = tuple[Estimate | None, Estimate | None]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two."""

    version: Version
    report: Report | None

    @property
    def number(self) -> int:
        """The version's."""
        return self.version.number


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of both."""

    name: str
    higher_is_better: bool
    left: Estimate | None
    right: Estimate | None

    @property
    def better(self) -> str:
        """Which one is, when their intervals are apart; nothing when that can't be said."""
        if self.left is None or self.right is None:
            return ""
        lows, highs = _ends(self.left), _ends(self.right)
        if lows[1] < highs[0]:
            return "right" if self.higher_is_better else "left"
        if highs[1] < lows[0]:
            return "left" if self.higher_is_better else "right"
        return ""


class Comparison:
    """Reads both reviews; nobody has opened them with that."""

    def __init__(self, documents: Documents, operations: Operations) -> None:
        self._documents = documents
        self._operations = operations

    async def show(self, request: Request) -> Response:
        """`GET /models/{model}/compare?left=1&right=2`."""
        query = request.query_params
        sides = query.get("left", ""), query.get("right", "")
        name: str = request.path_params["model"]
        return await run_in_threadpool(self._page, visit_of(request), name, sides)

    def _page(self, visit: Visit, name: str, sides: tuple[str, str]) -> Response:
        caller = reader(visit)
        try:
            model = self._operations.catalogue.model(caller, name)
            left, right = (self._side(caller, name, number) for number in sides)
        except Refusal as refusal:
            return shown(self._documents, "missing.html", visit, refusal=hidden(refusal))
        both = _both(left, right)
        return shown(
            self._documents,
            "comparison.html",
            visit,
            model=model,
            sides=(left, right),
            metrics=[*_metrics(*both)] if both else (),
            importances=[*_importances(*both)] if both else (),
            gaps=[*_gaps(*both)] if both else (),
            findings=[*_findings(*both)] if both else (),
            columns=[*_columns(*both)][:_MOST_CHANGES] if both else (),
            signature=[*signature_changes(left.version, right.version)],
            tally=tally,
            figures=Report,
            say=say,
            num=numbers,
            charts=charts,
        )

    def _side(self, caller: Caller, model: str, number: str) -> Side:
        if not (number.isascii() and number.isdigit() and 1 <= int(number[:12]) <= MAX_NUMBER):
            raise not_found("version", f"{model[:63]}/{number[:12]}")
        version = self._operations.catalogue.version(caller, model, int(number))
        try:
            found = self._operations.reviews.peek(caller, model, int(number))
        except NoReviewError:
            return Side(version, None)
        return Side(version, Report(found.review, classes_of(version)))


def signature_changes(left: Version, right: Version) -> Iterator[tuple[str, str, str]]:
    """What of the signature differs: feature, before, after."""
    one, other = left.draft.signature, right.draft.signature
    before: Mapping[str, Feature] = {feature.name: feature for feature in one.features}
    after: Mapping[str, Feature] = {feature.name: feature for feature in other.features}
    for name in dict.fromkeys((*before, *after)):
        words = _told(before.get(name)), _told(after.get(name))
        if words[0] != words[1]:
            yield say.plain(name), *words
    if one.target != other.target:
        targets = (one.target, other.target)
        told = [f"{each.task.value} {', '.join(map(str, each.classes[:12]))}" for each in targets]
        yield say.plain(other.target.name), say.plain(told[0]), say.plain(told[1])


def _told(feature: Feature | None) -> str:
    if feature is None:
        return "not there"
    words = [feature.kind.value]
    if feature.minimum is not None:
        words.append(f"from {numbers.figure(feature.minimum)}")
    if feature.maximum is not None:
        words.append(f"to {numbers.figure(feature.maximum)}")
    if feature.choices:
        more = ", …" if len(feature.choices) > 6 else ""
        words.append(f"one of {', '.join(feature.choices[:6])}{more}")
    words.append("may be null" if feature.nullable else "never null")
    return say.plain(", ".join(words))


def _both(left: Side, right: Side) -> tuple[Review, Review] | None:
    if left.report is None or right.report is None:
        return None
    return left.report.review, right.report.review


def _metrics(left: Review, right: Review) -> Iterator[Compared]:
    before: dict[str, Metric] = {m.name: m for m in left.results.metrics} if left.results else {}
    after: dict[str, Metric] = {m.name: m for m in right.results.metrics} if right.results else {}
    for name in dict.fromkeys((*after, *before)):
        metrics = [each[name] for each in (before, after) if name in each]
        yield Compared(
            name,
            metrics[0].higher_is_better,
            before[name].model if name in before else None,
            after[name].model if name in after else None,
        )


def _importances(left: Review, right: Review) -> Iterator[tuple[str, Pair, float]]:
    before, after = _ranked(left), _ranked(right)
    _, most = bounds_of((*after.values(), *before.values()))
    for name in [*dict.fromkeys((*after, *before))][:_MOST_IMPORTANCES]:
        yield name, (before.get(name), after.get(name)), most


def _ranked(review: Review) -> Mapping[str, Estimate]:
    found = review.explanations.importances if review.explanations else ()
    return {one.feature: one.growth for one in found}


def _gaps(left: Review, right: Review) -> Iterator[tuple[str, str, Pair]]:
    before, after = _gaps_of(left), _gaps_of(right)
    for key in dict.fromkeys((*after, *before)):
        yield *key, (before.get(key), after.get(key))


def _gaps_of(review: Review) -> Mapping[tuple[str, str], Estimate]:
    attributes = review.fairness.attributes if review.fairness else ()
    return {(one.attribute, gap.figure): gap.size for one in attributes for gap in one.gaps}


def _findings(left: Review, right: Review) -> Iterator[tuple[Finding, bool, bool]]:
    """Each finding with whether the left and the right have it."""
    before, after = _keyed(left), _keyed(right)
    for key in dict.fromkeys((*after, *before)):
        yield after.get(key) or before[key], key in before, key in after


def _keyed(review: Review) -> Mapping[tuple[FindingCode, tuple[str, ...]], Finding]:
    return {(one.code, one.subjects): one for one in review.findings}


def _columns(left: Review, right: Review) -> Iterator[tuple[str, ColumnFacts, ColumnFacts]]:
    """Columns of the training data that differ in what is told of them."""
    before = {one.name: one for one in left.data.columns}
    for one in right.data.columns:
        former = before.get(one.name)
        if former is not None and _short(former) != _short(one):
            yield one.name, former, one


def _short(column: ColumnFacts) -> tuple[object, ...]:
    facts = (column.missing, column.distinct, column.mean, column.minimum, column.maximum)
    return *facts, column.commonest


def _ends(one: Estimate) -> tuple[float, float]:
    low = one.value if one.low is None else one.low
    return low, one.value if one.high is None else one.high
