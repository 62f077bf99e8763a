from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from services.registry.adapters.reviewing.costs import cost_of
from services.registry.adapters.reviewing.messages import CompiledFile
from services.registry.adapters.reviewing.subject import Subject
from tests.unit.registry.review_explaining.worlds import PLAIN, applicants, plain, subject_of
from understudy.contracts.vocabulary import CompiledKind
from understudy.inference.compiling import CompiledModel, compile_model


def compiled(subject: Subject, folder: Path) -> Subject:
    made = compile_model(subject.estimator, PLAIN, subject.held.rows.part(0, 200))
    assert isinstance(made, CompiledModel)
    path = folder / "compiled"
    path.write_bytes(made.content)
    file = CompiledFile(path=str(path), kind=made.kind)
    return replace(subject, task=subject.task.model_copy(update={"compiled": file}))


def test_both_runners_are_measured(tmp_path: Path) -> None:
    original, faster = cost_of(compiled(plain(tmp_path), tmp_path))
    assert (original.runner, faster.runner) == ("scikit-learn", "onnx")
    for cost in (original, faster):
        assert cost.load_milliseconds > 0
        assert cost.memory_bytes >= 0
        for latency in (cost.one_row_milliseconds, cost.hundred_rows_milliseconds):
            assert latency.low is not None
            assert latency.high is not None
            assert 0 < latency.low <= latency.value <= latency.high


def test_a_large_model_takes_its_memory(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    frame = applicants(6_000)
    frame["paid"] = draw.choice(["yes", "no"], len(frame))
    forest = RandomForestClassifier(60, random_state=0)
    model = forest.fit(frame[["income", "age", "noise"]].to_numpy(), frame["paid"])
    (cost,) = cost_of(subject_of(tmp_path, model, PLAIN, frame))
    held = sum(
        tree.tree_.__getstate__()["nodes"].nbytes + tree.tree_.value.nbytes
        for tree in forest.estimators_
    )
    assert 0.8 * held < cost.memory_bytes < 4 * held


def test_a_compiled_file_that_is_damaged_leaves_the_original(tmp_path: Path) -> None:
    subject = plain(tmp_path)
    (tmp_path / "compiled").write_bytes(b"none")
    file = CompiledFile(path=str(tmp_path / "compiled"), kind=CompiledKind.ONNX)
    task = subject.task.model_copy(update={"compiled": file})
    assert [cost.runner for cost in cost_of(replace(subject, task=task))] == ["scikit-learn"]


def test_a_single_row_is_enough(tmp_path: Path) -> None:
    subject = plain(tmp_path)
    again = subject_of(tmp_path, subject.estimator, PLAIN, applicants(50), applicants(50).head(1))
    assert len(cost_of(again)) == 1
