"""Pictures of a review: whole documents, in bounds, without a word that others wrote unescaped."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from services.registry.pages import charts
from services.registry.pages.charts.drawing import Scale, around, ticks
from services.registry.pages.charts.numbers import figure, percent, short, size
from services.registry.pages.review import Report
from services.registry.pages.review_words import legible, plain
from tests.fakes.reviews import (
    NASTY,
    bare_review,
    hostile_review,
    regression_review,
    sample_review,
    wide_review,
)
from understudy.contracts.reviews import (
    Bars,
    CalibrationBin,
    Correlations,
    Curve,
    Dependence,
    Estimate,
    LearningPoint,
    Residuals,
    Review,
    Shap,
    ShapFeature,
    Threshold,
    TimeSplit,
)

REVIEWS = {
    "sample": sample_review,
    "regression": regression_review,
    "bare": bare_review,
    "wide": wide_review,
    "hostile": hostile_review,
}
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def pictures(review: Review) -> Iterator[Markup]:
    report = Report(review)
    review = report.review
    for column in review.data.columns:
        if column.bars:
            yield charts.histogram(column.bars, column.name)
    if review.data.correlations:
        yield charts.heat_map(review.data.correlations, report.correlated)
    if review.results:
        yield from of_results(report)
    for one in report.explained:
        yield charts.bar(one.growth, report.most_growth, one.feature)
    for dependence in report.dependences:
        yield charts.dependence(dependence, *report.answers)
    if review.explanations and review.explanations.shap:
        yield charts.beeswarm(review.explanations.shap, report.swarm)


def of_results(report: Report) -> Iterator[Markup]:
    results = report.review.results
    assert results is not None
    for metric in results.metrics:
        yield charts.whiskers([("this", metric.model), ("dummy", metric.dummy)], metric.name)
    for part in results.slices:
        yield charts.gap(part.difference, report.differences, part.part)
    if results.roc and results.precision_recall:
        yield charts.roc(results.roc, 0.8)
        yield charts.precision_recall(results.precision_recall, report.base_rate)
    yield charts.calibration(results.calibration)
    yield charts.thresholds(results.thresholds)
    yield charts.confusion(results.confusion, report.class_names)
    yield charts.learning(results.learning, results.deciding)
    if results.time_split:
        yield charts.time_split(results.time_split, results.deciding)
    if results.residuals:
        yield charts.residuals(results.residuals)
        yield charts.truth_by_answer(results.residuals)


def require_sound(picture: Markup) -> None:
    document = ET.fromstring(picture)  # noqa: S314 - it is our own
    assert document.tag == "svg"
    assert [child.tag for child in document][:2] == ["title", "desc"]
    assert document[0].text
    _, _, width, height = map(float, document.attrib["viewBox"].split())
    assert width > 0
    assert height > 0
    for element in document.iter():
        assert element.tag not in {"script", "style", "a", "image", "foreignObject"}
        assert not set(element.attrib) & {"id", "style", "href", "onload"}
        for value in element.attrib.values():
            assert not re.search(r"\b(nan|inf)\b", value)


@pytest.mark.parametrize("name", REVIEWS)
def test_every_picture_of_a_review_is_sound(name: str) -> None:
    drawn = [*pictures(REVIEWS[name]())]
    assert bool(drawn) == (name != "bare")
    for picture in drawn:
        require_sound(picture)
        assert "<script" not in picture
        assert "\x00" not in picture
        assert "\u202e" not in picture


NONE = Estimate(0.0)
DEGENERATE: list[tuple[str, Callable[[], Markup]]] = [
    ("no bars", lambda: charts.histogram(Bars((), edges=()), "a")),
    ("one bar", lambda: charts.histogram(Bars((1.0,), (0.0,), edges=(3.0, 3.0)), "a")),
    ("no names", lambda: charts.histogram(Bars((), names=()), "a")),
    ("names of no rows", lambda: charts.histogram(Bars((0.0,), (0.0,), names=("",)), "a")),
    ("a curve of nothing", lambda: charts.roc(Curve((), ()))),
    ("a curve of a point", lambda: charts.precision_recall(Curve((0.5,), (0.5,)))),
    ("no calibration", lambda: charts.calibration(())),
    ("calibration at 0", lambda: charts.calibration((CalibrationBin(0.0, NONE, 0),))),
    ("no thresholds", lambda: charts.thresholds(())),
    (
        "an unknown precision",
        lambda: charts.thresholds((Threshold(0.5, 0.0, None, None, None, None),)),
    ),
    ("no learning", lambda: charts.learning((), "")),
    ("level learning", lambda: charts.learning((LearningPoint(1, 0.5, 0.5),), "auc")),
    ("no correlations", lambda: charts.heat_map(Correlations((), ()), ())),
    ("one correlation", lambda: charts.heat_map(Correlations(("a",), ((None,),)), (0,))),
    ("no confusion", lambda: charts.confusion((), ())),
    ("empty confusion", lambda: charts.confusion(((0, 0), (0, 0)), ("a", "b"))),
    ("no swarm", lambda: charts.beeswarm(Shap(0, "tree", ()), ())),
    (
        "one dot",
        lambda: charts.beeswarm(
            Shap(1, "tree", ()), (ShapFeature("a", 0.0, ((0.0, 1.0), (0.0, 0.0))),)
        ),
    ),
    ("no time", lambda: charts.time_split(TimeSplit((), (), ()), "")),
    ("no residuals", lambda: charts.residuals(Residuals((), (), (), ()))),
    ("truth of nothing", lambda: charts.truth_by_answer(Residuals((), (), (), ()))),
    ("no growth", lambda: charts.bar(NONE, 0.0, "a")),
    ("no gap", lambda: charts.gap(NONE, (0.0, 0.0), "a")),
    ("nothing to compare", lambda: charts.whiskers([("a", None)], "a")),
    (
        "a feature of one value",
        lambda: charts.dependence(
            Dependence("a", (1.0,), None, (0.5,), (0.5,), (0.5,), (1.0,)), 0.5, 0.5
        ),
    ),
    (
        "a feature of no values",
        lambda: charts.dependence(Dependence("a", None, (), (), (), (), ()), 0.0, 1.0),
    ),
]


@pytest.mark.parametrize("draw", [draw for _, draw in DEGENERATE], ids=[n for n, _ in DEGENERATE])
def test_little_data_gives_a_picture_too(draw: Callable[[], Markup]) -> None:
    require_sound(draw())


@pytest.mark.parametrize("large", [1e-300, 1e300, -1e300, 5e-324])
def test_sizes_at_the_edge_of_numbers_are_drawn(large: float) -> None:
    one = Estimate(large, min(large, 0.0), max(large, 0.0))
    require_sound(charts.whiskers([("a", one)], "a"))
    require_sound(charts.gap(one, (0.0, large), "a"))
    require_sound(charts.bar(one, large, "a"))
    shap = ShapFeature("a", abs(large), ((large, 0.5), (-large, 0.5)))
    require_sound(charts.beeswarm(Shap(2, "tree", (shap,)), (shap,)))


@given(FINITE, FINITE)
def test_ticks_are_few_and_within(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    found = ticks(low, high)
    assert len(found) <= 12
    slack = 1e-6 * (high - low) if math.isfinite(high - low) else math.inf
    assert all(low - slack <= tick <= high + slack for tick in found)


@given(st.lists(FINITE, max_size=5))
def test_every_value_has_a_place_within_the_picture(values: list[float]) -> None:
    scale = Scale(*around(values), 10, 90)
    assert all(10 <= scale(value) <= 90 for value in values)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0.0, "0"),
        (0.8061, "0.806"),
        (0.005, "0.005"),
        (0.01234, "0.012"),
        (18.0, "18"),
        (-0.5, "−0.500"),
        (12_345.6, "12\u202f346"),
        (3.2e-7, "3.20e-7"),
        (1e12, "1.00e12"),
    ],
)
def test_figures_have_as_many_digits_as_one_reads(value: float | None, told: str) -> None:
    assert figure(value) == told


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (None, "–"),
        (0.0, "0 %"),
        (0.182, "18.2\u00a0%"),
        (0.00001, "< 0.01 %"),
        (0.0004, "0.04\u00a0%"),
        (0.9996, "99.96\u00a0%"),
        (1.0, "100\u00a0%"),
    ],
)
def test_shares_near_none_and_all_keep_their_digits(share: float | None, told: str) -> None:
    assert percent(share) == told


def test_axes_are_short() -> None:
    assert [short(value) for value in (0.5, 2026.0, 56_200.0, 3e6, 1e-7)] == [
        "0.5",
        "2026",
        "56.2k",
        "3M",
        "1e-07",
    ]
    assert size(48_000_000) == "45.8 MiB"


def test_texts_of_others_hide_nothing() -> None:
    said = legible(hostile_review())
    assert "\x00" not in repr(said)
    assert "␀<script>" in said.findings[0].title
    assert plain("a\tb\nc") == "a\tb\nc"
    assert plain("x\u202egpj.exe") == "x\ufffdgpj.exe"
    assert plain(NASTY).startswith("␀")


def test_what_is_legible_stays_as_it_is() -> None:
    assert legible(sample_review()) == sample_review()


def test_the_most_important_features_come_first_and_the_rest_is_folded() -> None:
    report = Report(wide_review(200, 100))
    assert len(report.shown) == 30
    assert len(report.folded) == 170
    assert report.shown[0].name == report.importances[0].feature
    assert len(report.correlated) == 25
    assert not report.drawn_confusion
    assert len(report.confused) == 20


def test_without_importances_features_keep_their_order() -> None:
    review = replace(sample_review(), explanations=None)
    assert [one.name for one in Report(review).shown][:2] == ["age", "income"]
