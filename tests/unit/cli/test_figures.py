"""Figures in words, and drawn."""

import math

import pytest

from understudy.cli.bars import bar, evidence_bar, forest, sparkline
from understudy.cli.figures import interval, lasting, number, odds, percent
from understudy.contracts.monitor import Interval


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, "–"), (math.nan, "–"), (0.0, "0"), (61_234.6, "61,235"), (0.84213, "0.8421")],
)
def test_numbers(value: float | None, told: str) -> None:
    assert number(value) == told


@pytest.mark.parametrize(("share", "told"), [(0.002, "0.20%"), (0.842, "84.2%"), (None, "–")])
def test_shares(share: float | None, told: str) -> None:
    assert percent(share) == told


@pytest.mark.parametrize(
    ("log_evidence", "told"),
    [(0.0, "1"), (math.log(40), "40"), (500.0, "> 10⁶"), (-math.inf, "< 0.01"), (1e9, "> 10⁶")],
)
def test_evidence_as_a_factor(log_evidence: float, told: str) -> None:
    assert odds(log_evidence) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (None, "–"),
        (0.5, "0.5 s"),
        (90, "1.5 min"),
        (3_600, "1 h"),
        (79_200, "22 h"),
        (9e7, "1042 d"),
    ],
)
def test_times(seconds: float | None, told: str) -> None:
    assert lasting(seconds) == told


def test_an_interval_without_limits_is_a_value() -> None:
    assert interval(Interval(value=0.61)) == "0.610"


@pytest.mark.parametrize(
    ("share", "drawn"),
    [(0.0, "····"), (0.5, "██··"), (1.0, "████"), (7.0, "████"), (-1.0, "····"), (0.3, "█▎··")],
)
def test_a_bar(share: float, drawn: str) -> None:
    assert bar(share, cells=4).plain == drawn


@pytest.mark.parametrize("log_evidence", [-math.inf, -3.0, 0.0])
def test_no_evidence_is_an_empty_bar(log_evidence: float) -> None:
    assert set(evidence_bar(log_evidence, 3.7).plain) == {"·"}


def test_a_threshold_of_nothing_is_met_or_not() -> None:
    assert "█" in evidence_bar(0.0, 0.0).plain


@pytest.mark.parametrize(
    ("low", "high", "zero"), [(-0.1, 0.3, "┼"), (0.1, 0.3, "│"), (-0.3, -0.1, "│")]
)
def test_an_interval_shows_whether_it_holds_zero(low: float, high: float, zero: str) -> None:
    drawn = forest(Interval(value=(low + high) / 2, low=low, high=high), margin=0.02).plain
    assert drawn[len(drawn) // 2] == zero
    assert drawn.count("●") == 1


def test_an_interval_of_nothing_can_be_drawn() -> None:
    assert "●" in forest(Interval(value=0.0, low=0.0, high=0.0)).plain


def test_heights_of_many_bins_share_columns() -> None:
    assert sparkline([]) == sparkline([0, 0]) == ""
    assert len(sparkline(range(100))) == 10
    assert sparkline([8, 0, 1]) == "█ ▂"
