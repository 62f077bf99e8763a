import numpy as np

from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.inference.edges import HUGE, UNSEEN_TEXTS, Block, blocks
from understudy.inference.rows import Rows

SIGNATURE = Signature(
    (
        Feature("age", FeatureKind.INTEGER, minimum=0, maximum=120),
        Feature("city", FeatureKind.CATEGORY, choices=("Ghent", "Mol"), nullable=True),
        Feature("pay", FeatureKind.NUMBER, nullable=True),
        Feature("word", FeatureKind.CATEGORY, choices=("a",), open_choices=True),
        Feature("member", FeatureKind.BOOLEAN),
    ),
    Target("y", Task.REGRESSION),
)
SAMPLE = Rows(
    np.array([[30.0, 10.5, 1.0], [40.0, 20.5, 0.0], [50.0, np.nan, 1.0]]),
    (["Ghent", "Mol", None], ["a", "a", "b"]),
)


def made(thresholds: dict[str, list[float]] | None = None) -> dict[str, Block]:
    found = {name: np.array(values) for name, values in (thresholds or {}).items()}
    asked = blocks(SIGNATURE, SAMPLE, found, {"word": ("b", "c"), "city": ("Lier",)})
    return {block.name: block for block in asked}


def column(block: Block, place: int) -> set[float]:
    return {*block.rows.numbers[:, place].tolist()}


def test_the_sample_comes_first() -> None:
    assert next(iter(made().values())).rows is SAMPLE


def test_extremes_are_legal() -> None:
    extremes = made()["its extremes"]
    ages = column(extremes, 0)
    assert {0.0, 120.0, 30.0, 50.0} <= ages
    assert all(0 <= age <= 120 and age.is_integer() for age in ages)
    assert {10.5, 20.5, np.nextafter(20.5, np.inf), np.nextafter(10.5, -np.inf)} <= column(
        extremes, 1
    )
    assert column(extremes, 2) == {0.0, 1.0}


def test_a_row_is_changed_in_one_place() -> None:
    for row in made()["its extremes"].rows.numbers:
        same = (row == SAMPLE.numbers) | (np.isnan(row) & np.isnan(SAMPLE.numbers))
        assert same.sum(axis=1).max() >= 2


def test_numbers_at_which_trees_part_are_met_in_both_precisions() -> None:
    pay = column(made({"pay": [15.1]})["where trees split"], 1)
    assert {15.1, np.nextafter(15.1, np.inf), np.nextafter(15.1, -np.inf)} <= pay
    assert float(np.float32(15.1)) in pay


def test_whole_numbers_next_to_a_threshold_are_met() -> None:
    assert {41.0, 42.0} <= column(made({"age": [41.5]})["where trees split"], 0)


def test_closed_categories_take_their_choices_alone() -> None:
    categories = made()["categories"].rows
    assert {*categories.texts[0]} == {"Ghent", "Mol", None}
    assert {"a", "b", "c"} <= {*categories.texts[1]}


def test_open_categories_take_what_nobody_has_seen() -> None:
    unseen = made()["unseen categories"].rows
    assert {*UNSEEN_TEXTS} <= {*unseen.texts[1]}
    assert {*unseen.texts[0]} <= {"Ghent", "Mol", None}


def test_what_may_be_null_is_null_once_by_itself_and_once_with_all() -> None:
    missing = made()["missing values"].rows
    assert len(missing) == 3
    assert np.isnan(missing.numbers[-1, 1])
    assert missing.texts[0][-1] is None
    assert not np.isnan(missing.numbers[:, 0]).any()


def test_numbers_are_huge_whatever_their_bounds() -> None:
    huge, beyond = made()["huge numbers"], made()["huge numbers beyond bounds"]
    assert {HUGE, -HUGE} <= column(huge, 1)
    assert {HUGE, -HUGE} <= column(beyond, 0)
    assert (huge.figures, beyond.figures) == (True, False)
    assert column(beyond, 2) == {0.0, 1.0}


def test_edges_are_bounded() -> None:
    many = {"pay": np.linspace(0, 1, 50_000).tolist()}
    assert len(made(many)["where trees split"].rows) <= 12_000
