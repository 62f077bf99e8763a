"""A feature becomes a field, and what was typed becomes a value."""

import pytest

from services.serving.pages.fields import Control, Field, fields_of, read_entries, read_entry
from tests.fakes.serving_form import BOOLEAN, CATEGORY, CREDIT, INTEGER, IRIS, NUMBER
from understudy.contracts.policy import Policy
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task


def _field(feature: Feature, text: str | None = None) -> Field:
    signature = Signature((feature,), Target("y", Task.REGRESSION))
    (field,) = fields_of(
        signature, Policy(), None if text is None else {feature.name: text}, {}, {}
    )
    return field


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5.1", 5.1),
        (" 5 ", 5),
        ("-3", -3),
        ("+.5", 0.5),
        ("1.", 1.0),
        ("2e3", 2000.0),
        ("12 500", 12500),
        ("1\u202f250\u00a0000.5", 1250000.5),
        ("1e999", float("inf")),
        ("12345678901234567890", 12345678901234567890.0),
    ],
)
def test_numbers_are_read_as_people_write_them(text: str, value: float) -> None:
    entry = read_entry(Feature("x", NUMBER), text)
    assert (entry.value, entry.error, entry.text) == (value, None, text)


@pytest.mark.parametrize(
    "text",
    ["abc", "nan", "inf", "Infinity", "1_000", "0x10", "٣", "1 2", "--1", "5.1.2", "1e99999"],
)
def test_what_is_no_number_is_passed_on_to_be_refused(text: str) -> None:
    entry = read_entry(Feature("x", NUMBER), text)
    assert entry.value == text
    assert entry.error == "Write a number, such as 5.1 or 45000."


def test_a_decimal_comma_is_explained() -> None:
    assert read_entry(Feature("x", NUMBER), "5,1").error == (
        "Write a number, with a point for decimals, such as 5.1 or 45000."
    )


@pytest.mark.parametrize(
    ("feature", "error"),
    [
        (Feature("x", NUMBER), "Fill this in."),
        (Feature("x", CATEGORY, choices=("a",), open_choices=True), "Fill this in."),
        (Feature("x", CATEGORY, choices=("a",)), "Pick one of the choices."),
        (Feature("x", BOOLEAN), "Pick one of the choices."),
        (Feature("x", NUMBER, nullable=True), None),
        (Feature("x", BOOLEAN, nullable=True), None),
    ],
)
@pytest.mark.parametrize("text", ["", "  "])
def test_empty_is_null_and_an_error_unless_nullable(
    feature: Feature, error: str | None, text: str
) -> None:
    entry = read_entry(feature, text)
    assert (entry.value, entry.error) == (None, error)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("false", False), ("maybe", "maybe")])
def test_booleans(text: str, value: object) -> None:
    entry = read_entry(Feature("x", BOOLEAN), text)
    assert entry.value is value or entry.value == "maybe"
    assert (entry.error is None) is isinstance(value, bool)


def test_an_open_category_loses_the_spaces_round_it_but_a_choice_does_not() -> None:
    feature = Feature("x", CATEGORY, choices=(" a",), open_choices=True)
    assert read_entry(feature, " a").value == " a"
    assert read_entry(feature, " b ").value == "b"


def test_a_choice_may_be_empty() -> None:
    assert read_entry(Feature("x", CATEGORY, choices=("", "a")), "").value == ""


def test_features_that_were_not_sent_count_as_empty() -> None:
    entries = read_entries(IRIS, {"sepal_length": "5"})
    assert entries["sepal_length"].value == 5
    assert entries["petal_width"].error == "Fill this in."


@pytest.mark.parametrize(
    ("feature", "control"),
    [
        (Feature("x", NUMBER), Control.NUMBER),
        (Feature("x", INTEGER), Control.NUMBER),
        (Feature("x", BOOLEAN), Control.RADIO),
        (Feature("x", CATEGORY, choices=("a", "b", "c", "d")), Control.RADIO),
        (Feature("x", CATEGORY, choices=("a", "b", "c", "d", "e")), Control.SELECT),
        (Feature("x", CATEGORY, choices=("a",), open_choices=True), Control.SUGGEST),
        (Feature("x", CATEGORY, open_choices=True), Control.SUGGEST),
    ],
)
def test_each_kind_has_its_control(feature: Feature, control: Control) -> None:
    assert _field(feature).control is control


@pytest.mark.parametrize(
    ("kind", "minimum", "maximum", "hint"),
    [
        (NUMBER, None, None, ""),
        (NUMBER, 0.5, None, "At least 0.5"),
        (NUMBER, None, 9.0, "At most 9"),
        (NUMBER, 0.0, 1e6, "0 to 1\u202f000\u202f000"),
        (INTEGER, 18.0, 100.0, "Whole number, 18 to 100"),
        (INTEGER, None, None, "Whole number"),
        (BOOLEAN, 0.0, 1.0, ""),
    ],
)
def test_hints_name_the_range(
    kind: FeatureKind, minimum: float | None, maximum: float | None, hint: str
) -> None:
    assert _field(Feature("x", kind, minimum=minimum, maximum=maximum)).hint == hint


@pytest.mark.parametrize(
    ("kind", "minimum", "mode"),
    [
        (NUMBER, 0.0, "decimal"),
        (INTEGER, 1.0, "numeric"),
        (NUMBER, None, None),
        (INTEGER, -1.0, None),
        (BOOLEAN, None, None),
    ],
)
def test_keyboards_without_a_minus_are_for_what_is_never_negative(
    kind: FeatureKind, minimum: float | None, mode: str | None
) -> None:
    assert _field(Feature("x", kind, minimum=minimum)).input_mode == mode


def test_examples_stand_in_the_fields_until_something_was_sent() -> None:
    assert [field.text for field in fields_of(IRIS, Policy(), None, {}, {})] == [
        "5.1",
        "3.5",
        "1.4",
        "0.2",
    ]
    assert {field.text for field in fields_of(IRIS, Policy(), {}, {}, {})} == {""}
    assert _field(Feature("x", NUMBER, example=45000.0)).text == "45000"
    assert _field(Feature("x", BOOLEAN, example=True)).text == "true"
    assert _field(Feature("x", NUMBER)).text == ""


def test_nullable_choices_may_be_unknown() -> None:
    home = next(
        field
        for field in fields_of(CREDIT, Policy(), None, {}, {})
        if field.name == "in.home_ownership"
    )
    assert [(option.value, option.text) for option in home.options] == [
        ("rent", "Rent"),
        ("mortgage", "Mortgage"),
        ("own", "Own"),
        ("", "Not known"),
    ]
