from dataclasses import replace

import numpy as np
import pytest

from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.inference.coding import UNSEEN, Book, Coder, Coding
from understudy.inference.errors import RefusedRowsError, UnfitModelError
from understudy.inference.manifest import Answer, Manifest, read_manifest
from understudy.inference.rows import Rows

CODING = Coding(("age", "city", "pay"), (2, 0), (Book(1, ("Ghent", "Mol")),))
ROWS = Rows(np.array([[1.0, 10.0], [2.0, np.nan], [3.0, 1e300]]), (["Mol", None, "nowhere"],))


def test_columns_go_to_their_places_and_categories_become_codes() -> None:
    found = Coder(CODING, np.float64).matrix(ROWS)
    assert np.array_equal(
        found, [[10.0, 1.0, 1.0], [np.nan, np.nan, 2.0], [1e300, UNSEEN, 3.0]], equal_nan=True
    )
    assert found.flags.c_contiguous


def test_numbers_in_order_are_handed_on_as_they_are() -> None:
    numbers = np.ones((2, 2))
    assert Coder(Coding(("a", "b"), (0, 1), ()), np.float64).matrix(Rows(numbers, ())) is numbers


def test_columns_of_a_larger_matrix_are_made_contiguous() -> None:
    rows = Rows(np.arange(8.0).reshape(2, 4)[:, ::2], ())
    found = Coder(Coding(("a", "b"), (0, 1), ()), np.float32).matrix(rows)
    assert found.dtype == np.float32
    assert found.flags.c_contiguous


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("coding", "refused"),
    [
        (replace(CODING, refuse_missing=(0,)), 1),
        (replace(CODING, refuse_huge=(0,)), 2),
        (replace(CODING, books=(replace(CODING.books[0], refuses_missing=True),)), 1),
        (replace(CODING, books=(replace(CODING.books[0], refuses_unseen=True),)), 2),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_what_the_original_refuses_is_refused(coding: Coding, refused: int, dtype: type) -> None:
    coder = Coder(coding, dtype)
    for row in range(3):
        one = ROWS.part(row, row + 1)
        if row == refused:
            with pytest.raises(RefusedRowsError):
                coder.matrix(one)
        else:
            coder.matrix(one)


SIGNATURE = Signature(
    (
        Feature("age", FeatureKind.NUMBER),
        Feature("city", FeatureKind.CATEGORY, open_choices=True),
        Feature("pay", FeatureKind.NUMBER),
    ),
    Target("y", Task.CLASSIFICATION, classes=(True, False)),
)
MANIFEST = Manifest("float32", CODING, Answer.BOTH, (False, True))


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert read_manifest(MANIFEST.text()) == MANIFEST
    MANIFEST.check(SIGNATURE)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": 99}', '{"format": 1}', "null"])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(UnfitModelError):
        read_manifest(text)


@pytest.mark.parametrize(
    "manifest",
    [
        replace(MANIFEST, coding=replace(CODING, features=("age", "pay", "city"))),
        replace(MANIFEST, classes=(0, 1)),
        replace(MANIFEST, answer=Answer.NUMBERS),
    ],
)
def test_a_manifest_of_another_signature_is_refused(manifest: Manifest) -> None:
    with pytest.raises(UnfitModelError):
        manifest.check(SIGNATURE)
