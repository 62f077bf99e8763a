"""Who asks how sure an answer is gets told, or told why not."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from services.serving.adapters.runners import Files, load
from services.serving.api.encoding import encoded, written
from services.serving.domain.confidence import ClassConfidence, Interval, class_confidence
from services.serving.domain.errors import ExplainNotAvailableError
from services.serving.domain.guards import Ruling
from services.serving.domain.rows import Plan
from services.serving.domain.scoring import Cost, Loaded
from services.serving.domain.table import Deployment, Live, Table
from services.serving.metrics import ServingMetrics
from services.serving.operations import Answer, Answers, Options, Serving
from services.serving.operations.scoring import Limits
from tests.fakes.serving import FLOWERS, ListLog, artifact_of, flower_model, served
from understudy.contracts.policy import ConfidenceRule, GuardRule, Guards, Policy
from understudy.contracts.registry import Baseline
from understudy.contracts.registry import Interval as Measured
from understudy.contracts.serving import ClassConfidence as ClassConfidenceBody
from understudy.contracts.serving import IntervalConfidence, Prediction, Predictions
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import (
    AccessLevel,
    BaselineSample,
    GuardAction,
    Task,
    WarningCode,
)
from understudy.inference.rows import Rows
from understudy.inference.scored import Runner, Scored

pytestmark = pytest.mark.anyio

ROWS = [{"length": 2.0, "width": 1.0}, {"length": 9.0, "width": 1.0}]
SURE = Options(confidence=True)
PRICES = replace(FLOWERS, target=Target("price", Task.REGRESSION))


@dataclass(frozen=True)
class Ruled:
    """The longer, the likelier the second class; or the length itself."""

    likely: bool = True
    number: bool = False

    def score(self, rows: Rows) -> Scored:
        lengths = rows.numbers[:, 0]
        if self.number:
            return Scored(lengths)
        chances = np.column_stack([1.0 - lengths / 10.0, lengths / 10.0])
        return Scored((lengths > 5.0).astype(float), chances if self.likely else None)


def serving(
    runner: Runner, interval: Interval | None = None, policy: Policy | None = None
) -> Serving:
    signature = PRICES if runner == Ruled(number=True) else FLOWERS
    main = Loaded(1, signature, Plan(signature), runner, Cost(0.0, 0.0), interval=interval)
    live = Live(1, main, (), policy or Policy())
    found = Serving(
        keys=lambda: None,  # type: ignore[arg-type,return-value] # nobody is asked for one
        log=ListLog(),
        metrics=ServingMetrics(CollectorRegistry()),
        limits=Limits(5, 0.002, 1, 1),
    )
    found.table = Table(
        {"d": Deployment("d", "garden", "d", AccessLevel.PUBLIC, "", 1, live)},
    )
    return found


async def answers(world: Serving, options: Options = SURE) -> Sequence[Answer]:
    found = await world.predict("d", ROWS, key=None, options=options)
    world.close()
    return found


def test_the_margin_is_to_the_likeliest_other_class() -> None:
    assert class_confidence([0.25, 0.5, 0.25], 1) == ClassConfidence(0.5, 0.25)
    assert class_confidence([0.25, 0.5, 0.25], 0) == ClassConfidence(0.25, -0.25)
    assert class_confidence([1.0], 0) == ClassConfidence(1.0, 1.0)


async def test_of_a_classifier_it_is_the_probability_of_the_predicted_class() -> None:
    first, second = await answers(serving(Ruled()))
    assert first.confidence == ClassConfidence(0.8, pytest.approx(0.6))  # type: ignore[arg-type]
    assert second.confidence == ClassConfidence(0.9, pytest.approx(0.8))  # type: ignore[arg-type]
    assert first.notices == second.notices == ()


async def test_of_a_regression_it_is_what_was_measured_around_the_answer() -> None:
    first, second = await answers(serving(Ruled(number=True), Interval(0.9, 1.5)))
    assert (first.prediction, second.prediction) == (2.0, 9.0)
    assert first.confidence == Interval(0.9, 1.5).around(2.0)
    assert json.loads(written([second], batch=False, confident=True))["confidence"] == {
        "level": 0.9,
        "low": 7.5,
        "high": 10.5,
    }


@pytest.mark.parametrize(
    ("runner", "words"), [(Ruled(likely=False), "no probabilities"), (Ruled(number=True), "sample")]
)
async def test_where_there_is_none_a_warning_says_so(runner: Runner, words: str) -> None:
    first, _ = await answers(serving(runner))
    assert first.confidence is None
    (notice,) = first.notices
    assert notice.code is WarningCode.CONFIDENCE_NOT_AVAILABLE
    assert words in notice.message


async def test_nobody_is_told_who_did_not_ask() -> None:
    for answer in await answers(serving(Ruled(number=True)), Options()):
        assert (answer.confidence, answer.notices) == (None, ())


async def test_a_rule_that_answers_has_no_confidence_and_warns_by_itself() -> None:
    rule = ConfidenceRule(0.85, GuardRule(GuardAction.OVERRIDE, "setosa"))
    policy = Policy(guards=Guards(low_confidence=rule))
    first, second = await answers(serving(Ruled(), policy=policy))
    assert (first.overridden, first.confidence) == (True, None)
    assert [notice.code for notice in first.notices] == [WarningCode.LOW_CONFIDENCE]
    assert second.confidence is not None


async def test_explanations_are_not_there_yet() -> None:
    with pytest.raises(ExplainNotAvailableError) as refused:
        await answers(serving(Ruled()), Options(explain=True))
    assert refused.value.code == "explain_not_available"


def told(probabilities: Sequence[Sequence[float]] | None, *, confident: bool) -> Answers:
    return Answers(
        *("m", 1, ["a", "b"], ["setosa", "virginica"], ("setosa", "virginica"), probabilities),
        Ruling(),
        confident=confident,
    )


def test_both_ways_of_writing_say_the_same() -> None:
    for one in (
        told([[0.75, 0.25], [0.5, 0.5]], confident=True),
        told(None, confident=True),
        told(None, confident=False),
    ):
        batch = encoded(one, batch=True)
        assert batch == written([*one], batch=True, confident=one.confident)
        single = written([one.row(0)], batch=False, confident=one.confident)
        assert encoded(one, batch=False) == single
        Predictions.model_validate_json(batch)


def test_clients_read_it() -> None:
    found = Prediction.model_validate_json(
        encoded(told([[0.75, 0.25]] * 2, confident=True), batch=False)
    )
    assert found.confidence == ClassConfidenceBody(probability=0.75, margin=0.5)
    none = json.loads(encoded(told(None, confident=True), batch=False))
    assert none["confidence"] is None
    assert none["warnings"][0]["code"] == "confidence_not_available"
    assert "confidence" not in json.loads(encoded(told(None, confident=False), batch=False))
    around = {"level": 0.9, "low": 1.0, "high": 2.0}
    read = Prediction.model_validate({**none, "confidence": around})
    assert isinstance(read.confidence, IntervalConfidence)


def test_a_version_is_loaded_with_its_interval(tmp_path: Path) -> None:
    artifact = artifact_of(flower_model())
    path = tmp_path / "artifact"
    path.write_bytes(artifact)
    version = served(1, artifact)
    measured = Baseline(file="1" * 64, sample=BaselineSample.EVALUATION, rows=100)
    assert load(Files(path), version, ()).interval is None
    version = version.model_copy(update={"baseline": measured})
    assert load(Files(path), version, ()).interval is None
    interval = Measured(level=0.9, half_width=2.0, rows=100)
    bounded = measured.model_copy(update={"interval": interval})
    version = version.model_copy(update={"baseline": bounded})
    assert load(Files(path), version, ()).interval == Interval(0.9, 2.0)
