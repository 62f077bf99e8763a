"""Rules about the classes that occur in the samples."""

from collections.abc import Iterator
from typing import Final

from services.registry.domain.proportions import shared_z, wilson
from understudy.contracts.reviews import Estimate, Finding, Review, SampleFacts
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import (
    BaselineSample,
    FindingCode,
    Severity,
    Task,
    class_name,
)

IMBALANCED: Final = 0.05
FEW: Final = 200
FEW_OF_A_CLASS: Final = 30
_NAMED: Final = 5


def one_class(review: Review, signature: Signature) -> Iterator[Finding]:
    """No two classes in what results are measured on, or in what the model was trained on.

    Of several classes, one that is missing is only a warning: the others can be judged. Of a
    regression: all labels are equal.
    """
    held = held_of(review)
    if held.labelled == 0:
        yield _one_class(
            f"No label in the {held.sample} sample",
            "No row that results are measured on has a label, so nothing is known of the model. "
            "Register the version with labelled rows.",
        )
        return
    if signature.target.task is Task.REGRESSION:
        target = next((one for one in review.data.columns if one.part == "target"), None)
        if target is not None and target.distinct == 1 and review.data.samples[0].labelled > 1:
            yield _one_class(
                "All labels are equal",
                "Every label of the reference is the same number: there is nothing to learn.",
            )
        return
    for sample in review.data.samples:
        shares = shares_of(review, sample)
        missing = [name for name, share in shares if share == 0.0]
        if not missing or not sample.labelled:
            continue
        severity = Severity.BLOCK if len(shares) - len(missing) < 2 else Severity.WARN
        some = ", ".join(missing[:_NAMED])
        use = (
            "The model can't have learned it."
            if sample.sample is BaselineSample.REFERENCE
            else "How it is answered can't be measured."
        )
        yield _one_class(
            f"A class is missing in the {sample.sample} sample",
            f"None of its {sample.labelled:,} labelled rows is of class {some}. {use} Take "
            "samples in which every class occurs.",
            missing,
            severity,
        )


def _one_class(
    title: str, detail: str, subjects: list[str] | None = None, severity: Severity = Severity.BLOCK
) -> Finding:
    return Finding(FindingCode.ONE_CLASS, severity, title, detail, tuple(subjects or ()))


def imbalance(review: Review) -> Iterator[Finding]:
    """A class is rarer than 5 %, or than half of an equal share where there are many classes.

    Formula: the upper end of Wilson's interval of the rarest class's share, for all classes
    together by Bonferroni's inequality, is below the threshold. Of what results are measured on, or
    else of the reference.
    """
    for sample in reversed(review.data.samples):
        shares = [(name, share) for name, share in shares_of(review, sample) if share > 0.0]
        if len(shares) < 2:
            continue
        name, share = min(shares, key=lambda one: one[1])
        threshold = min(IMBALANCED, 0.5 / len(shares))
        rows = round(share * sample.labelled)
        figure = wilson(rows, sample.labelled, shared_z(len(shares)))
        if figure is None or figure.high is None or figure.high >= threshold:
            continue
        yield Finding(
            FindingCode.IMBALANCE,
            Severity.WARN,
            f"Class {name} is rare",
            f"{rows:,} of {sample.labelled:,} labelled rows of the {sample.sample} sample are "
            f"{name} ({share:.2%}, at most {figure.high:.2%}). Accuracy says little then: look at "
            "precision, recall and the threshold table.",
            (name,),
            figure,
            threshold,
        )
        return


def few_rows(review: Review) -> Iterator[Finding]:
    """Below 200 labelled rows to measure results on, or below 30 of a class."""
    held = held_of(review)
    counts = [(name, round(share * held.labelled)) for name, share in shares_of(review, held)]
    scarce = [name for name, rows in counts if 0 < rows < FEW_OF_A_CLASS]
    if not held.labelled or (held.labelled >= FEW and not scarce):
        return
    of = ", ".join(f"{rows:,} of class {name}" for name, rows in counts if name in scarce[:_NAMED])
    yield Finding(
        FindingCode.FEW_ROWS,
        Severity.LOOK,
        "Few rows to measure results on",
        f"{held.labelled:,} labelled rows{', ' + of if of else ''}: mind how wide the intervals "
        "are.",
        tuple(scarce),
        Estimate(float(held.labelled)),
        float(FEW),
    )


def evaluation_of(review: Review) -> SampleFacts | None:
    """Its facts, where there is one."""
    samples = review.data.samples
    return next((one for one in samples if one.sample is BaselineSample.EVALUATION), None)


def held_of(review: Review) -> SampleFacts:
    """What results are measured on."""
    return evaluation_of(review) or review.data.samples[0]


def shares_of(review: Review, sample: SampleFacts) -> list[tuple[str, float]]:
    """Of each class, among the sample's labelled rows."""
    of_evaluation = sample.sample is BaselineSample.EVALUATION
    return [
        (class_name(one.label), (one.evaluation or 0.0) if of_evaluation else one.reference)
        for one in review.data.classes
    ]
