"""A class has one name wherever JSON or a metric can only carry text."""

import numpy as np
import pytest

from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Label, Task, class_name
from understudy.profiles.reference import build_reference


@pytest.mark.parametrize(
    ("label", "name"), [(True, "true"), (False, "false"), (1, "1"), (0.5, "0.5"), ("Yes", "Yes")]
)
def test_a_class_is_called_as_json_writes_it(label: Label, name: str) -> None:
    assert class_name(label) == name


def test_a_reference_calls_its_classes_the_same() -> None:
    target = Target("fraud", Task.CLASSIFICATION, (False, True))
    signature = Signature((Feature("amount", FeatureKind.NUMBER),), target)
    sample = build_reference(signature, {"amount": np.arange(3.0)}, [True, False, True])
    assert sample.output.classes == {"true": 2, "false": 1}
