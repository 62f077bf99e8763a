"""CSV → rows."""

import pytest

from services.serving.api.csv_bodies import csv_rows
from services.serving.domain.errors import MalformedBodyError
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task

SIGNATURE = Signature(
    (
        Feature("age", FeatureKind.INTEGER, nullable=True),
        Feature("income, yearly", FeatureKind.NUMBER),
        Feature("purpose", FeatureKind.CATEGORY, choices=("car", "a new\nhouse"), nullable=True),
        Feature("employed", FeatureKind.BOOLEAN),
    ),
    Target("cost", Task.REGRESSION),
)
HEADER = 'age,"income, yearly",purpose,employed\n'
ROW = {"age": 40.0, "income, yearly": 1500.5, "purpose": "car", "employed": True}
ONE = Signature((Feature("x", FeatureKind.NUMBER, nullable=True),), Target("y", Task.REGRESSION))


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "40,1500.5,car,true\n",
        HEADER + "40,1500.5,car,True",
        HEADER + '"40"," 1.5005e3 ","car",1\r\n',
        "\ufeff" + HEADER.replace("\n", "\r\n") + "\r\n40,1500.5,car,TRUE\r\n\r\n",
        HEADER.replace("\n", "\r") + "40,+1500.5,car,true\r",
        'employed, purpose,age,"income, yearly"\ntrue,car,40.0,1500.5\n',
    ],
)
def test_cells_are_read_as_the_signature_has_them(text: str) -> None:
    assert csv_rows(text.encode(), SIGNATURE) == [ROW]


def test_an_empty_cell_is_null_and_a_quoted_one_may_hold_anything() -> None:
    found = csv_rows((HEADER + ',1,"a new\nhouse",0\n,2,,false\n').encode(), SIGNATURE)
    assert found == [
        {"age": None, "income, yearly": 1.0, "purpose": "a new\nhouse", "employed": False},
        {"age": None, "income, yearly": 2.0, "purpose": None, "employed": False},
    ]


def test_a_choice_may_be_empty() -> None:
    choice = Feature("c", FeatureKind.CATEGORY, choices=("", "a"))
    signature = Signature((choice,), Target("y", Task.REGRESSION))
    assert csv_rows(b'c\n""\na\n', signature) == [{"c": ""}, {"c": "a"}]


def test_what_has_another_type_stays_a_text() -> None:
    for cell in ("ten", "nan", "inf", "1e999", "1_000", "٣", "0x1", "1" * 500):
        assert csv_rows(f"x\n{cell}\n".encode(), ONE) == [{"x": cell}]
    assert csv_rows(b"x,z\n1,2\n", ONE) == [{"x": 1.0, "z": "2"}]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("\n\n", "empty"),
        ("40,1500.5,car,true\n", "names no feature"),
        ("age,,purpose\n1,2,car\n", "Column 2 has no name"),
        ("age,age\n1,2\n", "Column 'age' stands twice"),
        (HEADER + "40,1500.5\n", "Line 2 has 2 cells, not 4: column 'purpose' is missing"),
        (HEADER + "40,1,car,1\n40,1,car,1,5\n", "Line 3 has 5 cells, not 4: there is no column 5"),
        (HEADER + '40,"1"5,car,1\n', "Line 2 is no CSV"),
        (HEADER + '40,"15', "Line 2 is no CSV"),
        (HEADER + f"{'1' * 200_000},1,car,1\n", "Line 2 is no CSV"),
    ],
)
def test_what_is_no_csv_is_refused_with_its_line_and_column(text: str, words: str) -> None:
    with pytest.raises(MalformedBodyError) as refused:
        csv_rows(text.encode(), SIGNATURE)
    assert words in refused.value.detail


@pytest.mark.parametrize("body", [b"x\n\xff\n", b"\xff\xfex\x00\n\x00"])
def test_what_is_no_utf8_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBodyError, match="UTF-8"):
        csv_rows(body, ONE)


def test_no_rows_are_no_rows() -> None:
    assert csv_rows(HEADER.encode(), SIGNATURE) == []


def test_without_a_header_rows_are_in_the_signatures_order() -> None:
    body = b"40,1500.5,car,true\n"
    assert csv_rows(body * 2, SIGNATURE, header=False) == [ROW, ROW]
    assert csv_rows(HEADER.encode() + body, SIGNATURE, header=False) == [ROW]
    for wrong in (b"1,2\n", body + b"1,2\n"):
        with pytest.raises(MalformedBodyError, match="has 2 cells, not 4"):
            csv_rows(wrong, SIGNATURE, header=False)
