"""Training against live distributions, in bins that people can read."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from services.monitor.domain.distributions import (
    FEWEST_ROWS,
    MOST_BINS,
    Distribution,
    ruler_of,
    worth_a_look,
)
from services.monitor.domain.drifting.telling import DriftAlarm, DriftReading
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import DriftKind, FeatureKind, Task
from understudy.profiles.arrays import Floats
from understudy.profiles.bins import category_bins, number_bins
from understudy.profiles.moments import no_sums
from understudy.profiles.reference import FeatureProfile, build_reference

AT = datetime(2027, 1, 1, tzinfo=UTC)
NAN = float("nan")


def numbers(
    reference: Sequence[float] | Floats,
    live: Sequence[float] | Floats,
    kind: FeatureKind = FeatureKind.NUMBER,
) -> Distribution:
    bins = number_bins(np.array(reference))
    assert bins is not None
    counted, seen = bins.tally(np.array(reference)), bins.tally(np.array(live))
    return ruler_of(FeatureProfile("x", kind, bins, counted, no_sums(), 0.0)).read(seen)


def categories(reference: Sequence[str | None], live: Sequence[str | None]) -> Distribution:
    bins = category_bins([*reference])
    assert bins is not None
    counted, seen = bins.tally([*reference]), bins.tally([*live])
    profile = FeatureProfile("x", FeatureKind.CATEGORY, bins, counted, no_sums(), 0.0)
    return ruler_of(profile).read(seen)


def plain(found: Distribution) -> list[str]:
    """Names without their numbers."""
    return [name[3:] for name in found.bins]


def test_a_number_is_told_in_intervals_between_below_and_above() -> None:
    reference = np.linspace(0.0, 100.0, 1_001)
    found = numbers(reference, [*np.linspace(0.0, 9.0, 50), -5.0, 101.0, NAN, NAN])
    assert len(found.bins) == MOST_BINS
    names = plain(found)
    assert names[:3] == ["below 0", "[0, 10)", "[10, 20)"]
    assert names[-3:] == ["[90, 100]", "above 100", "missing"]
    assert found.live[:3] == pytest.approx((1 / 54, 50 / 54, 0.0))
    assert found.live[-2:] == pytest.approx((1 / 54, 2 / 54))
    assert found.reference[0] == found.reference[-1] == found.reference[-2] == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_shares_add_up_and_names_are_in_order(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference = np.round(rng.lognormal(3.0, 1.5, 500), seed)
    live = np.concatenate([rng.lognormal(4.0, 1.5, 300), [NAN] * seed])
    found = numbers(reference, live)
    assert sum(found.live) == pytest.approx(1.0)
    assert sum(found.reference) == pytest.approx(1.0)
    assert list(found.bins) == sorted(found.bins)
    assert len(set(plain(found))) == len(found.bins) <= MOST_BINS


def test_merged_bins_hold_what_the_fine_ones_did() -> None:
    rng = np.random.default_rng(3)
    reference, live = rng.normal(size=2_000), rng.normal(0.5, 1.0, 1_000)
    found = numbers(reference, live)
    edges = sorted({float(part) for name in plain(found)[1:-2] for part in name[1:-1].split(", ")})
    for place, (low, high) in enumerate(pairwise(edges), start=1):
        held = np.mean((live >= low) & (live < high))
        assert found.live[place] == pytest.approx(held, abs=0.02)  # edges are told in three digits
    # Of ten tenths two are merged.
    assert sorted(np.round(found.reference[1:-2], 2)) == [0.1] * 8 + [0.2]


def test_few_values_have_a_bin_each() -> None:
    found = numbers([1.0, 2.0, 2.0, 5.0], [2.0, 5.0, 5.0, 9.0], FeatureKind.INTEGER)
    assert plain(found) == ["below 1", "1", "2", "5", "above 5", "missing"]
    assert found.live == (0.0, 0.0, 0.25, 0.5, 0.25, 0.0)
    assert found.reference == (0.0, 0.25, 0.5, 0.25, 0.0, 0.0)


def test_many_values_share_bins_where_they_are_rare() -> None:
    values = [float(value) for value in range(15) for _ in range(100 if value < 5 else 4)]
    names = plain(numbers(values, values))
    assert len(names) == MOST_BINS
    assert names[1:6] == ["0", "1", "2", "3", "4"]
    assert any(" to " in name for name in names)


def test_a_flag_is_true_or_false() -> None:
    found = numbers([0.0, 0.0, 1.0, 0.0], [1.0], FeatureKind.BOOLEAN)
    assert plain(found) == ["below 0", "false", "true", "above 1", "missing"]


def test_a_constant_is_one_bin() -> None:
    assert plain(numbers([7.0] * 9, [7.0])) == ["below 7", "7", "above 7", "missing"]


def test_close_edges_are_told_apart() -> None:
    names = plain(numbers(np.linspace(1_000.0, 1_000.9, 500), [1_000.5]))
    assert len(set(names)) == len(names)
    assert names[1].startswith("[1000, 1000.")


def test_categories_keep_their_names_the_most_frequent_first() -> None:
    reference: list[str | None] = ["clerk"] * 50 + ["nurse"] * 30 + [None] * 20
    found = categories(reference, ["nurse", "pilot", None, "clerk"])
    assert plain(found) == ["clerk", "nurse", "unseen", "missing"]
    assert found.live == (0.25, 0.25, 0.25, 0.25)
    assert found.reference == (0.5, 0.3, 0.0, 0.2)


def test_the_rest_of_many_categories_are_others() -> None:
    reference: list[str | None] = [f"c{n:02d}" for n in range(70) for _ in range(FEWEST_ROWS)]
    found = categories(reference, ["c00", "c30", "c69", "new"])
    assert len(found.bins) == MOST_BINS
    assert plain(found)[-3:] == ["other", "unseen", "missing"]
    assert found.live[0] == 0.25
    assert found.live[-3:] == (0.5, 0.25, 0.0)


def test_categories_that_may_be_persons_are_not_named() -> None:
    reference = [*(f"person-{n}" for n in range(40)), *["company"] * FEWEST_ROWS]
    found = categories(reference, ["person-3", "company"])
    assert plain(found) == ["company", "other", "unseen", "missing"]
    assert found.live == (0.5, 0.5, 0.0, 0.0)


def test_a_long_name_is_cut() -> None:
    found = categories(["a" * 100] * 20 + [" \n"] * 20, [])
    assert all(len(name) <= 43 for name in found.bins)
    assert "(empty)" in plain(found)
    assert found.live == ()


def alarm(feature: str, js: float, importance: float, *, drifts: bool) -> DriftAlarm:
    return DriftAlarm(
        subject=feature,
        kind=DriftKind.SHAPE,
        log_evidence=20.0 if drifts else 1.0,
        threshold=10.0,
        since=AT,
        assumes="",
        js=js,
        importance=importance,
    )


def test_what_drifts_is_shown_first_then_what_matters() -> None:
    signature = Signature(
        tuple(Feature(name, FeatureKind.NUMBER) for name in "abcde"),
        Target("y", Task.REGRESSION),
    )
    reference = build_reference(signature, dict.fromkeys("abcde", np.arange(50.0)), None)
    shapes = (
        alarm("b", 0.3, 0.1, drifts=True),
        alarm("d", 0.5, 0.0, drifts=True),
        alarm("a", 0.9, 0.2, drifts=False),
        alarm("e", 0.0, 0.6, drifts=False),
    )
    missing = replace(alarm("c", 0.0, 0.0, drifts=True), kind=DriftKind.MISSING)
    found = DriftReading("d", 1, AT, AT, 50, (), (*shapes, missing))
    assert worth_a_look(reference, found, 10) == [3, 1, 2, 4, 0]
    assert worth_a_look(reference, found, 2) == [3, 1]
    assert worth_a_look(reference, None, 3) == [0, 1, 2]
