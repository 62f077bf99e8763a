"""An answer as it is shown."""

from dataclasses import replace

import pytest

from services.serving.domain.drafts import INSTEAD, Notice
from services.serving.operations import Answer
from services.serving.pages.results import MOST_BARS, result_of
from services.serving.pages.wording import grouped, percent, readable, readable_apart
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Label, Task, WarningCode


def _answer(prediction: Label, probabilities: dict[str, float] | None = None) -> Answer:
    return Answer("id-1", prediction, probabilities, "m", 2)


def _target(*classes: Label) -> Signature:
    return _signature(Target("y", Task.CLASSIFICATION, classes))


def _signature(target: Target) -> Signature:
    age = Feature("age", FeatureKind.NUMBER, "Age", maximum=120.0)
    return Signature((age, Feature("home_town", FeatureKind.NUMBER)), target)


def test_bars_are_ordered_and_the_predicted_class_is_marked() -> None:
    target = _target("no", "likely", "sure_thing")
    shares = {"no": 0.2, "likely": 0.3, "sure_thing": 0.5}
    result = result_of(_answer("sure_thing", shares), target)
    assert result.value == "Sure thing"
    assert [(bar.label, bar.width, bar.predicted) for bar in result.bars] == [
        ("Sure thing", "50.00", True),
        ("Likely", "30.00", False),
        ("No", "20.00", False),
    ]


@pytest.mark.parametrize(
    ("classes", "prediction", "shares", "value"),
    [
        ((False, True), True, {"false": 0.1, "true": 0.9}, "Yes"),
        ((0, 1), 1, {"0": 0.1, "1": 0.9}, "1"),
        (("A", "a"), "a", {"A": 0.1, "a": 0.9}, "a"),
    ],
)
def test_classes_of_any_type(
    classes: tuple[Label, ...], prediction: Label, shares: dict[str, float], value: str
) -> None:
    result = result_of(_answer(prediction, shares), _target(*classes))
    assert result.value == value
    assert [bar.label for bar in result.bars if bar.predicted] == [value]


def test_a_classifier_without_probabilities_shows_its_class() -> None:
    assert result_of(_answer("no"), _target("no", "yes")).bars == ()


def test_many_classes_are_cut_short_and_counted() -> None:
    names = tuple(f"c{number}" for number in range(30))
    result = result_of(_answer("c0", dict.fromkeys(names, 1 / 30)), _target(*names))
    assert (len(result.bars), result.hidden_bars) == (MOST_BARS, 30 - MOST_BARS)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (1234567.891, "1\u202f234\u202f567.89"),
        (987.654321, "987.654"),
        (-12000.0, "-12\u202f000"),
        (0.000123456789, "0.000123457"),
        (5, "5"),
        (1e30, "1e+30"),
    ],
)
def test_numbers_are_rounded_and_grouped(number: float, shown: str) -> None:
    target = _signature(Target("y", Task.REGRESSION, unit="€"))
    result = result_of(_answer(number), target)
    assert (result.value, result.unit) == (shown, "€")


def test_warnings_name_their_feature_and_stand_beside_its_field() -> None:
    notices = (
        Notice(WarningCode.COERCED, "age", "'200' was read as 200"),
        Notice(WarningCode.OUT_OF_RANGE, "age", "200 is above the legal maximum of 120" + INSTEAD),
        Notice(WarningCode.LOW_CONFIDENCE, None, "the model is not sure enough"),
    )
    result = result_of(replace(_answer("no"), notices=notices, overridden=True), _target("no", "y"))
    assert [(each.title, each.text) for each in result.warnings] == [
        ("Age", "'200' was read as 200"),
        ("Age", "200 is above the legal maximum of 120"),
        (None, "The model is not sure enough"),
    ]
    assert result.notes == {"age": "'200' was read as 200. 200 is above the legal maximum of 120"}
    assert (result.overridden, result.caution) == (True, "A rule answered instead of the model")


@pytest.mark.parametrize(
    ("code", "caution"),
    [
        (WarningCode.COERCED, "Read as it was meant"),
        (WarningCode.OUT_OF_RANGE, "Take this answer with care"),
    ],
)
def test_warnings_say_what_they_amount_to(code: WarningCode, caution: str) -> None:
    answer = replace(_answer("no"), notices=(Notice(code, "age", "so"),))
    assert result_of(answer, _target("no", "y")).caution == caution


@pytest.mark.parametrize(
    ("probability", "shown"),
    [
        (0.924, "92.4"),
        (0.5, "50"),
        (1.0, "100"),
        (0.99999, ">99.9"),
        (0.00001, "<0.1"),
        (0.0, "0"),
    ],
)
def test_percent_never_rounds_to_certainty(probability: float, shown: str) -> None:
    assert percent(probability) == f"{shown}\u202f%"


def test_bounds_are_never_rounded() -> None:
    assert grouped(1234.5678) == "1\u202f234.5678"


def test_names_are_made_readable_unless_people_wrote_them() -> None:
    assert readable("debt_consolidation") == "Debt consolidation"
    assert readable("BMW i3") == "BMW i3"
    assert readable_apart(("a_b", "a-b")) == {"a_b": "a_b", "a-b": "a-b"}
