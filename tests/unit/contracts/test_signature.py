"""What makes a signature valid, and when one can stand in for another."""

from dataclasses import replace

import pytest
from pydantic import TypeAdapter, ValidationError

from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task

AGE = Feature("age", FeatureKind.INTEGER, minimum=18, maximum=100)
PURPOSE = Feature("purpose", FeatureKind.CATEGORY, choices=("car", "house"))
YES_NO = Target("default", Task.CLASSIFICATION, classes=(0, 1))
SIGNATURE = Signature((AGE, PURPOSE), YES_NO)


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"name": "x", "kind": "number", "minimum": 2, "maximum": 1}, "minimum is above maximum"),
        ({"name": "x", "kind": "number", "maximum": float("inf")}, "finite or absent"),
        ({"name": "x", "kind": "number", "choices": ["a"]}, "only a category has choices"),
        ({"name": "x", "kind": "category"}, "names its choices"),
        ({"name": "x", "kind": "category", "choices": ["a", "a"]}, "choices repeat"),
        ({"name": "x", "kind": "category", "choices": ["a"], "minimum": 1}, "not a range"),
        ({"name": "", "kind": "number"}, "1 to 128 characters"),
    ],
)
def test_a_feature_that_contradicts_itself_is_refused(
    broken: dict[str, object], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        TypeAdapter(Feature).validate_python(broken)


def test_names_may_not_repeat() -> None:
    with pytest.raises(ValueError, match="repeat"):
        Signature((AGE, AGE), YES_NO)


def test_a_target_says_its_classes_exactly_when_it_classifies() -> None:
    with pytest.raises(ValueError, match="at least two classes"):
        Target("y", Task.CLASSIFICATION, classes=("one",))
    with pytest.raises(ValueError, match="no classes"):
        Target("y", Task.REGRESSION, classes=("a", "b"))


def test_wording_and_wider_ranges_do_not_matter() -> None:
    wider = replace(AGE, label="Age in years", minimum=None, maximum=120, nullable=True)
    open_purpose = replace(PURPOSE, open_choices=True)
    assert SIGNATURE.differences(Signature((open_purpose, wider), YES_NO)) == ()


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Signature((AGE,), YES_NO), "purpose: missing"),
        (Signature((AGE, PURPOSE, Feature("z", FeatureKind.NUMBER)), YES_NO), "z: not in"),
        (Signature((replace(AGE, minimum=21), PURPOSE), YES_NO), "age: minimum 21 is narrower"),
        (Signature((replace(AGE, maximum=90), PURPOSE), YES_NO), "age: maximum 90 is narrower"),
        (Signature((replace(AGE, kind=FeatureKind.NUMBER), PURPOSE), YES_NO), "age: number"),
        (Signature((AGE, replace(PURPOSE, choices=("car",))), YES_NO), "purpose: takes fewer"),
        (Signature((AGE, PURPOSE), replace(YES_NO, classes=(1, 0))), "target: classes"),
        (Signature((AGE, PURPOSE), Target("y", Task.REGRESSION)), "target: regression"),
    ],
)
def test_every_narrowing_is_named(other: Signature, words: str) -> None:
    assert any(words in found for found in SIGNATURE.differences(other))


def test_class_labels_keep_their_types_over_json() -> None:
    adapter = TypeAdapter(Target)
    target = Target("y", Task.CLASSIFICATION, classes=(True, 1, 1.5, "1"))
    back = adapter.validate_json(adapter.dump_json(target))
    assert [type(label) for label in back.classes] == [bool, int, float, str]
