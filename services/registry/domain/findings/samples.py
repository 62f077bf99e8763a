"""Rules about samples.

Those that warn or block look at the near end of Wilson's interval, so each raises a false alarm of
a sample that is just at its threshold in at most 2.5 % of cases;
benchmarks/simulations/review_samples.py measures it.
"""

from collections.abc import Iterator
from typing import Final

from services.registry.domain.findings.classes import (
    evaluation_of,
    few_rows,
    imbalance,
    one_class,
)
from services.registry.domain.findings.columns import (
    constant_feature,
    correlated_features,
    mostly_missing,
)
from services.registry.domain.proportions import wilson
from understudy.contracts.reviews import Finding, Review
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import (
    FeatureKind,
    FindingCode,
    Severity,
)

DUPLICATED: Final = 0.01
OVERLAPPING: Final = 0.01
MOSTLY_OVERLAPPING: Final = 0.5
_FINE: Final = 0.5
_NAMED: Final = 5


def found(review: Review, signature: Signature) -> Iterator[Finding]:
    """What there is to find; nothing when the data could not be looked at."""
    if not review.data.samples:
        return
    yield from failed_check(review)
    yield from no_evaluation(review)
    yield from one_class(review, signature)
    yield from imbalance(review)
    yield from overlap(review)
    yield from duplicates(review, signature)
    yield from few_rows(review)
    yield from sampled(review)
    yield from constant_feature(review)
    yield from mostly_missing(review)
    yield from correlated_features(review)


def failed_check(review: Review) -> Iterator[Finding]:
    """Data tests that don't hold, all in one. The order in time alone is only worth a look."""
    failed = [check for check in review.data.checks if not check.passed]
    if not failed:
        return
    told = [
        f"{check.name}: expected: {check.says}" + (f"; seen: {check.seen}" if check.seen else "")
        for check in failed[:_NAMED]
    ]
    more = f". And {len(failed) - _NAMED} more" if len(failed) > _NAMED else ""
    only_time = all(check.name == "time" for check in failed)
    yield Finding(
        FindingCode.FAILED_CHECK,
        Severity.LOOK if only_time else Severity.WARN,
        f"{len(failed)} data {'test fails' if len(failed) == 1 else 'tests fail'}",
        f"{'. '.join(told)}{more}. Mend the sample, or the signature if it says too much.",
        subjects=tuple(check.name for check in failed),
    )


def no_evaluation(review: Review) -> Iterator[Finding]:
    """There is one sample only."""
    if evaluation_of(review) is None:
        yield Finding(
            FindingCode.NO_EVALUATION,
            Severity.WARN,
            "No evaluation sample",
            "Everything was measured on the reference, rows that the model was trained on: it is "
            "probably worse than it looks. Register the version with rows that were held out.",
        )


def overlap(review: Review) -> Iterator[Finding]:
    """Rows of the evaluation were copied out of the reference; coincidences are left out.

    Formula: see `data_overlap`; the lower end is above 1 %. Above 50 % the evaluation is none.
    """
    share = review.data.overlap
    if share is None or share.low is None or share.low <= OVERLAPPING:
        return
    blocks = share.low > MOSTLY_OVERLAPPING
    yield Finding(
        FindingCode.OVERLAP,
        Severity.BLOCK if blocks else Severity.WARN,
        "The evaluation holds rows of the reference",
        f"{share.value:.1%} of the evaluation's rows (at least {share.low:.1%}), features and "
        "label, are in the reference too, and not by coincidence. The model was probably trained "
        "on them, so results look better than they are. Remove duplicates before the data are "
        "split.",
        figure=share,
        threshold=MOSTLY_OVERLAPPING if blocks else OVERLAPPING,
    )


def duplicates(review: Review, signature: Signature) -> Iterator[Finding]:
    """Rows repeat one another in features and label.

    Formula: the lower end of Wilson's interval of the share of repeated rows is above 1 %. A
    warning where rows can't repeat by coincidence: two columns of numbers, target included, of
    which each has other values in at least half of the rows that differ. Otherwise a look:
    features of few values give equal rows to different cases.
    """
    for sample in review.data.samples:
        figure = wilson(sample.duplicates, sample.read)
        if figure is None or figure.low is None or figure.low <= DUPLICATED:
            continue
        told = _fine_columns(review, signature) >= 2
        natural = (
            "Its columns are so fine that this is no coincidence: rows were probably joined or "
            "stored twice."
            if told
            else "Its features take few values, so this may be coincidence."
        )
        yield Finding(
            FindingCode.DUPLICATES,
            Severity.WARN if told else Severity.LOOK,
            f"Repeated rows in the {sample.sample} sample",
            f"{sample.duplicates:,} of {sample.read:,} rows ({figure.value:.1%}) repeat another "
            f"one in features and label. {natural} Repeated rows count twice, and make intervals "
            "too narrow.",
            (str(sample.sample),),
            figure,
            DUPLICATED,
        )


def _fine_columns(review: Review, signature: Signature) -> int:
    reference = review.data.samples[0]
    different = reference.read - reference.duplicates
    kinds = {feature.name: feature.kind for feature in signature.features}
    return sum(
        column.distinct >= _FINE * different
        for column in review.data.columns
        if kinds.get(column.name, column.kind) in {FeatureKind.NUMBER, FeatureKind.INTEGER}
        and column.part in {"feature", "target"}
    )


def sampled(review: Review) -> Iterator[Finding]:
    """A sample has more rows than were read."""
    larger = [sample for sample in review.data.samples if sample.read < sample.rows]
    if larger:
        told = " and ".join(
            f"{sample.read:,} of {sample.rows:,} rows of the {sample.sample} sample"
            for sample in larger
        )
        yield Finding(
            FindingCode.SAMPLED,
            Severity.LOOK,
            "Not every row was read",
            f"The review is of {told}, evenly spread. Rows that are rarer may be missing in it.",
            tuple(str(sample.sample) for sample in larger),
        )
