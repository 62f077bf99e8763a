"""Whom a version is held against may be gone; its review is made all the same."""

from dataclasses import replace
from pathlib import Path

import pytest

from examples.credit.train import train_logistic_regression
from services.registry.adapters.reviewing.messages import ModelFile
from services.registry.adapters.reviewing.parts import Made, assembled
from services.registry.adapters.reviewing.results import results_of
from services.registry.adapters.reviewing.subject import read_subject
from tests.fakes.reviewing import subject_of
from understudy.contracts.vocabulary import ArtifactFormat


@pytest.mark.parametrize("content", [b"", b"no model at all"])
def test_a_main_that_cannot_be_loaded_is_left_out_with_the_reason(
    content: bytes, tmp_path: Path
) -> None:
    made = train_logistic_regression()
    held_out = made.evaluation.head(500)
    subject = subject_of(
        tmp_path, made.model, made.signature, made.reference.head(500), held_out, main=made.model
    )
    broken = tmp_path / "broken.skops"
    broken.write_bytes(content)
    main = ModelFile(path=str(broken), format=ArtifactFormat.SKOPS, number=7)
    found = read_subject(subject.task.model_copy(update={"main": main}))
    review = assembled(found, Made({"results": results_of(found)}), seconds=0.0, libraries={})
    (told,) = [one.reason for one in review.left_out if one.part == "main"]
    assert "version 7" in told
    assert review.results is not None
    assert all(metric.main is None for metric in review.results.metrics)


def test_the_curves_are_about_the_same_class_whatever_was_held_out(tmp_path: Path) -> None:
    made = train_logistic_regression()
    target = made.signature.target.name
    losses = made.evaluation[made.evaluation[target] == "written_off"]
    subject = subject_of(tmp_path, made.model, made.signature, made.reference, losses)
    assert subject.positive == 1
    again = replace(subject, evaluation=None)
    assert again.positive == 1
