"""How quickly an ONNX version answers, beside the skops file that it was converted from.

Converts models with skl2onnx as people do, outside the registry, and asks scikit-learn, the ONNX
version, and what the registry compiles of the skops version for 1, 32 and 256 rows, in one process
and one thread. Told are ratios, each the median of those of alternating rounds, which hold on busy
machines too. Prints the table and writes it into docs/artifacts_onnx.md.
`python -m benchmarks.onnx_versions`, from the root.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import statistics
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier

from examples.credit.signature import SIGNATURE
from tests.contract.inference.zoo import rows_of
from tests.fakes.onnx_credit import credit
from tests.fakes.onnx_files import by_name, of_matrix
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import FeatureKind, Task
from understudy.inference.compiled import open_compiled
from understudy.inference.compiling import CompiledModel, compile_model
from understudy.inference.estimators import SklearnRunner
from understudy.inference.onnx_model import OnnxModelRunner
from understudy.inference.rows import Rows, joined
from understudy.inference.scored import Runner

SIZES: Final = (1, 32, 256)
ROUNDS: Final = 11
ROUND_SECONDS: Final = 0.004
PAGE: Final = Path("docs/artifacts_onnx.md")
BEGIN: Final = "<!-- begin: written by benchmarks/onnx_versions.py -->"
END: Final = "<!-- end -->"
HEAD: Final = (
    "| model | its inputs | rows | ONNX version, times as fast as scikit-learn | compiled by the "
    "registry, the same |\n| --- | --- | --- | --- | --- |"
)


@dataclass(frozen=True, slots=True)
class Case:
    """A model, and its ONNX version."""

    name: str
    inputs: str
    model: Any
    content: bytes
    signature: Signature
    rows: Rows


def cases() -> Iterator[Case]:
    """What is compared."""
    found = credit()
    rows = rows_of(found.evaluation.dropna(subset="home_ownership"), SIGNATURE.features)
    name = "credit, logistic regression"
    yield Case(name, "10 by name", found.model, found.content, SIGNATURE, rows)
    mapped = by_name(found.model, SIGNATURE, zipmap=True)
    yield Case(name, "10 by name, ZipMap", found.model, mapped, SIGNATURE, rows)
    inputs, labels = load_breast_cancer(return_X_y=True)
    inputs = inputs.astype(np.float32).astype(np.float64)
    forest = RandomForestClassifier(100, random_state=0).fit(inputs, labels)
    features = tuple(Feature(f"x{i}", FeatureKind.NUMBER) for i in range(inputs.shape[1]))
    signature = Signature(features, Target("y", Task.CLASSIFICATION, (0, 1)))
    content = of_matrix(forest, inputs.shape[1])
    yield Case("forest of 100 trees", "one, 30 wide", forest, content, signature, Rows(inputs, ()))


def lines_of(case: Case) -> Iterator[str]:
    """A line for each number of rows."""
    original = SklearnRunner(case.model, case.signature, case.rows)
    runners: list[Runner] = [original, OnnxModelRunner(case.content, case.signature)]
    made = compile_model(case.model, case.signature, case.rows)
    if isinstance(made, CompiledModel):
        runners.append(open_compiled(made.content, made.kind, case.signature))
    for size in SIZES:
        rows = joined([case.rows] * (-(-size // len(case.rows)))).part(0, size)
        told = [case.name, case.inputs, str(size), *(f"{one:.3g}" for one in ratios(runners, rows))]
        yield f"| {' | '.join(told)} |"


def ratios(runners: list[Runner], rows: Rows) -> list[float]:
    """How many times as fast as the first one each of the others is."""
    calls = [max(1, int(ROUND_SECONDS / min(took(r, rows, 1) for _ in range(3)))) for r in runners]
    rounds = [
        [took(one, rows, times) for one, times in zip(runners, calls, strict=True)]
        for _ in range(ROUNDS)
    ]
    return [
        statistics.median(spent[0] / spent[place] for spent in rounds)
        for place in range(1, len(runners))
    ]


def took(runner: Runner, rows: Rows, times: int) -> float:
    """Seconds of one of so many calls."""
    began = time.perf_counter()
    for _ in range(times):
        runner.score(rows)
    return (time.perf_counter() - began) / times


def write(lines: list[str]) -> None:
    """Replace the table in the page."""
    before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
    table = "\n".join([BEGIN, HEAD, *lines, END])
    PAGE.write_text(before + table + rest.split(END)[1], encoding="utf-8")


def main() -> None:
    """Print each line when it is there; write the table at the end."""
    warnings.simplefilter("ignore")
    lines = []
    for case in cases():
        for line in lines_of(case):
            lines.append(line)
            print(line, flush=True)
    write(lines)


if __name__ == "__main__":
    main()
