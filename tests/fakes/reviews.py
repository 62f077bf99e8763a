"""A complete review, as a good classifier of loans might get it, and what is hard to show."""

import hashlib
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np

from services.registry.domain.reviews import Attempt, Made
from tests.fakes.registry import Memory
from tests.fakes.reviews_store import REVIEW
from understudy.contracts.reviews import (
    Alone,
    AttributeFairness,
    Bars,
    CalibrationBin,
    Check,
    ClassShare,
    ColumnFacts,
    Correlations,
    Curve,
    Data,
    Dependence,
    Estimate,
    Explanations,
    Fairness,
    Finding,
    Gap,
    GroupFigures,
    Importance,
    LearningPoint,
    LeftOut,
    Metric,
    MonitoredFeature,
    MonitorReference,
    ProxyStrength,
    Residuals,
    Results,
    Review,
    RunnerCost,
    SampleFacts,
    Shap,
    ShapFeature,
    Slice,
    Threshold,
    TimeSplit,
    WithoutValues,
)
from understudy.contracts.vocabulary import (
    BaselineSample,
    FeatureKind,
    FindingCode,
    Severity,
    Task,
)

MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
_SINCE = datetime(2024, 1, 1, tzinfo=UTC)
NUMBERS = ("age", "income", "employment_years", "loan_amount", "debt_ratio", "late_payments")
CATEGORIES = {"home": ("rent", "mortgage", "own"), "purpose": ("car", "home", "education", "other")}
NAMES = (*NUMBERS, *CATEGORIES, "has_guarantor")
NASTY = '\x00<script>alert("1")</script>🎉\u202egpj'


def sample_review(model: str = "credit", version: int = 4) -> Review:
    """With every part, one block, three warnings and two things to look at."""
    return Review(
        model=model,
        version=version,
        task=Task.CLASSIFICATION,
        made_at=MADE_AT,
        seconds=41.2,
        seed=20260301,
        artifact="a" * 64,
        data=_data(),
        findings=_findings(),
        results=_results(),
        explanations=_explanations(),
        fairness=_fairness(),
        cost=(
            RunnerCost("scikit-learn", 212.0, 48_000_000, _at(4.1, 0.4), _at(9.7, 1.0)),
            RunnerCost("onnx", 31.0, 19_000_000, _at(0.046, 0.006), _at(0.31, 0.05)),
        ),
        monitor=_monitor(),
        left_out=(LeftOut("partial dependence of purpose", "it took longer than 9 s"),),
        libraries={"scikit-learn": "1.7.2", "numpy": "2.3.4", "skops": "0.13.0"},
    )


def regression_review() -> Review:
    """The same of a number."""
    review = sample_review()
    edges = tuple(float(edge) for edge in range(-10, 11, 2))
    shares = tuple(float(math.exp(-(((edge + 1) / 4) ** 2))) / 3.54 for edge in edges[:-1])
    answers = tuple(float(10 * place + 4) for place in range(10))
    truth = tuple(answer + 0.6 * math.sin(answer) for answer in answers)
    assert review.results is not None
    results = Results(
        sample=BaselineSample.EVALUATION,
        rows=10_000,
        deciding="rmse",
        metrics=(
            Metric("rmse", higher_is_better=False, model=_at(3.1, 0.2), dummy=_at(9.8, 0.3)),
            Metric("mae", higher_is_better=False, model=_at(2.2, 0.1), dummy=_at(7.7, 0.2)),
            Metric("r2", higher_is_better=True, model=_at(0.89, 0.02), dummy=Estimate(0.0)),
        ),
        residuals=Residuals(edges, shares, answers, truth),
        slices=review.results.slices,
    )
    return replace(
        review, task=Task.REGRESSION, results=results, data=replace(review.data, classes=())
    )


def bare_review() -> Review:
    """One row, nothing could be measured."""
    sample = SampleFacts(BaselineSample.REFERENCE, "b" * 64, 812, 1, 1, 0, 1, 0)
    column = ColumnFacts("age", "feature", None, "null", 1.0, 0, 0.0)
    parts = ("results", "explanations", "fairness", "cost", "monitor")
    return replace(
        sample_review(),
        data=Data((sample,), (column,), ()),
        findings=(),
        results=None,
        explanations=None,
        fairness=None,
        cost=(),
        monitor=None,
        left_out=tuple(LeftOut(part, "the sample has no label") for part in parts),
        libraries={},
    )


def wide_review(features: int = 200, classes: int = 100) -> Review:
    """Many features, many classes."""
    review, draw = sample_review(), np.random.default_rng(3)
    names = tuple(f"feature_{place:03}_with_quite_a_long_name" for place in range(features))
    template = review.data.columns[0]
    columns = tuple(replace(template, name=name) for name in names)
    values = draw.uniform(-1, 1, (features, features))
    cells = tuple(tuple(float(value) for value in row) for row in values)
    importances = tuple(
        Importance(name, _at(1 / (place + 1), 0.01), 1 / features)
        for place, name in enumerate(names)
    )
    assert review.results is not None
    assert review.explanations is not None
    labels = tuple(f"class {place}" for place in range(classes))
    share = 1 / classes
    confusion = tuple(
        tuple(
            int(count) for count in draw.integers(0, 9, classes) + 60 * (np.arange(classes) == row)
        )
        for row in range(classes)
    )
    return replace(
        review,
        data=replace(
            review.data,
            columns=columns,
            correlations=Correlations(names, cells),
            classes=tuple(ClassShare(label, share, share) for label in labels),
        ),
        results=replace(review.results, confusion=confusion, positive=None),
        explanations=replace(review.explanations, importances=importances),
    )


def hostile_review(said: str = NASTY) -> Review:
    """Every text of it is what somebody else wrote."""
    review = sample_review()
    return _rewritten(review, said)


def _rewritten(review: Review, said: str) -> Review:
    results, explained, fair = review.results, review.explanations, review.fairness
    assert results is not None
    assert explained is not None
    assert explained.shap is not None
    assert fair is not None
    assert review.monitor is not None
    names = (said, said + "2")
    bars = Bars((0.5, 0.5), (0.4, 0.6), names=names)
    column = ColumnFacts(
        said,
        "feature",
        FeatureKind.CATEGORY,
        said,
        0.0,
        2,
        0.0,
        commonest=((said, 0.5),),
        bars=bars,
    )
    group = GroupFigures(said, 10, suppressed=False, figures={"selection_rate": _at(0.5, 0.1)})
    attribute = AttributeFairness(
        said,
        (group,),
        (Gap("selection_rate", names, _at(0.1, 0.01), 0.5),),
        (ProxyStrength(said, _at(0.7, 0.1)),),
    )
    dependence = replace(explained.dependences[0], feature=said)
    steps = replace(
        dependence,
        values=None,
        names=names,
        answers=(0.1, 0.2),
        low=(0.0, 0.1),
        high=(0.2, 0.3),
        density=(0.5, 0.5),
    )
    finding = Finding(FindingCode.PROXY, Severity.WARN, said, said, (said,))
    return replace(
        review,
        data=Data(
            review.data.samples,
            (column,),
            (Check(said, said, passed=False, seen=said),),
            correlations=Correlations(names, ((1.0, 0.5), (0.5, None))),
            classes=(ClassShare(said, 0.5, 0.5), ClassShare(said + "2", 0.5)),
        ),
        findings=(finding,),
        results=replace(
            results,
            positive=said,
            slices=(Slice(said, said, 4, _at(0.1, 0.01), _at(0.1, 0.01)),),
        ),
        explanations=replace(
            explained,
            importances=(Importance(said, _at(0.1, 0.01), 1.0),),
            dependences=(dependence, steps),
            alone=(Alone(said, _at(0.7, 0.1)),),
            without=(WithoutValues(said, 0.1, _at(0.7, 0.1), 0.0),),
            shap=replace(explained.shap, features=(ShapFeature(said, 0.1, ((0.1, None),)),)),
        ),
        fairness=Fairness(said, (attribute,)),
        monitor=replace(
            review.monitor, features=(MonitoredFeature(said, names, (1, 2), 0.0, 0.1),)
        ),
        left_out=(LeftOut(said, said),),
        libraries={said: said},
    )


def _at(value: float, half: float) -> Estimate:
    return Estimate(value, value - half, value + half)


def _findings() -> tuple[Finding, ...]:
    block, warn, look = Severity
    return (
        Finding(
            FindingCode.OVERLAP,
            block,
            "The evaluation sample holds training rows",
            "1.4 % (1.2 to 1.7 %) of the evaluation rows are in the reference sample too, features "
            "and label; at most 1 % may be. Draw the evaluation sample anew without them, else "
            "every figure below is better than the model.",
            ("overlap",),
            Estimate(0.014, 0.012, 0.017),
            0.01,
        ),
        Finding(
            FindingCode.UNFAIR,
            warn,
            "Groups of age_group are selected at different rates",
            "Applicants under 25 are selected 0.71 (0.66 to 0.76) times as often as those over 60; "
            "below 0.8 needs a reason. Look at the gaps in Fairness and answer the questionnaire.",
            ("age_group",),
            Estimate(0.71, 0.66, 0.76),
            0.8,
        ),
        Finding(
            FindingCode.WEAK_SLICE,
            warn,
            "The model is worse where employment_years is missing",
            "The mean loss of 812 rows is 0.05 (0.03 to 0.07) above that of all others.",
            ("employment_years",),
            _at(0.05, 0.02),
            0.02,
        ),
        Finding(
            FindingCode.TIME_SPLIT_DROP,
            warn,
            "Later rows are answered worse",
            "The area under the ROC curve falls from 0.81 to 0.77 in the last fifth of the time.",
            (),
            _at(0.04, 0.01),
            0.02,
        ),
        Finding(
            FindingCode.IRRELEVANT_FEATURE,
            look,
            "One feature changes nothing",
            "Shuffling has_guarantor changes the loss by less than can be measured. Consider to "
            "leave it out: what is not asked for can't go wrong.",
            ("has_guarantor",),
        ),
        Finding(
            FindingCode.SMALL_GROUP,
            look,
            "A group is too small for figures",
            "'not stated' of sex has 14 rows; figures are told from 30 rows on.",
            ("sex",),
        ),
    )


def _data() -> Data:
    samples = (
        SampleFacts(
            BaselineSample.REFERENCE,
            "b" * 64,
            812_345,
            120_000,
            50_000,
            120_000,
            49_988,
            41,
            _SINCE,
            _SINCE + timedelta(days=547),
        ),
        SampleFacts(
            BaselineSample.EVALUATION,
            "c" * 64,
            204_811,
            10_000,
            10_000,
            9_940,
            10_000,
            3,
            _SINCE + timedelta(days=548),
            _SINCE + timedelta(days=730),
        ),
    )
    columns = [_number(place, name) for place, name in enumerate(NUMBERS)]
    columns += [_category(name, names) for name, names in CATEGORIES.items()]
    columns.append(_category("has_guarantor", ("false", "true"), FeatureKind.BOOLEAN))
    columns.append(_category("repaid", ("written off", "repaid"), None, part="target"))
    columns.append(_category("sex", ("f", "m", "not stated"), None, part="protected"))
    columns.append(
        _category("age_group", ("under 25", "25 to 60", "over 60"), None, part="protected")
    )
    checks = tuple(
        [
            Check(f"type:{name}", f"{name} holds what the signature says", passed=True)
            for name in NAMES
        ]
        + [
            Check(
                "rows:evaluation",
                "The evaluation sample has at least 200 rows",
                passed=True,
                seen="10,000",
            )
        ]
        + [
            Check(
                "range:debt_ratio",
                "debt_ratio is between 0 and 3",
                passed=False,
                seen="12 rows of 50,000 are above 3",
            )
        ]
    )
    return Data(
        samples,
        tuple(columns),
        checks,
        Estimate(0.014, 0.012, 0.017),
        _correlations(NAMES),
        (ClassShare("written off", 0.182, 0.188), ClassShare("repaid", 0.818, 0.812)),
    )


def _number(place: int, name: str) -> ColumnFacts:
    draw = np.random.default_rng(place)
    scale = (1.0, 900.0, 0.3, 320.0, 0.02, 0.1)[place]
    values = (18 + draw.gamma(3.0 + place, 8.0, 20_000)) * scale
    later = (18 + draw.gamma(3.1 + place, 8.1, 5_000)) * scale
    edges = np.linspace(values.min(), np.quantile(values, 0.995), 21)
    edges[-1] = values.max()
    shares = np.histogram(values, edges)[0] / len(values)
    evaluation = np.histogram(np.clip(later, edges[0], edges[-1]), edges)[0] / len(later)
    quartiles = np.quantile(values, (0.25, 0.5, 0.75))
    return ColumnFacts(
        name=name,
        part="feature",
        kind=FeatureKind.NUMBER if place % 2 else FeatureKind.INTEGER,
        stored_as="double",
        missing=0.083 if name == "employment_years" else 0.0,
        distinct=len(np.unique(values.round(1))),
        outside=0.00024 if name == "debt_ratio" else 0.0,
        mean=float(values.mean()),
        deviation=float(values.std()),
        minimum=float(values.min()),
        quartiles=(float(quartiles[0]), float(quartiles[1]), float(quartiles[2])),
        maximum=float(values.max()),
        bars=Bars(
            tuple(float(share) for share in shares),
            tuple(float(share) for share in evaluation),
            edges=tuple(float(edge) for edge in edges),
        ),
    )


def _category(
    name: str,
    names: tuple[str, ...],
    kind: FeatureKind | None = FeatureKind.CATEGORY,
    part: str = "feature",
) -> ColumnFacts:
    weights = [1 / (place + 1.2) for place in range(len(names))]
    shares = tuple(weight / sum(weights) for weight in weights)
    evaluation = tuple(
        share + (0.01 if place == 0 else -0.01 / (len(names) - 1))
        for place, share in enumerate(shares)
    )
    return ColumnFacts(
        name=name,
        part=part,
        kind=kind,
        stored_as="string",
        missing=0.0,
        distinct=len(names),
        outside=0.0,
        commonest=tuple(zip(names, shares, strict=True)),
        bars=Bars(shares, evaluation, names=names),
    )


def _correlations(names: tuple[str, ...]) -> Correlations:
    draw = np.random.default_rng(11)
    square = np.atleast_2d(np.corrcoef(draw.normal(size=(len(names), 7)) + draw.normal(size=7)))
    return Correlations(names, tuple(tuple(float(value) for value in row) for row in square))


def _results() -> Results:
    grid = np.linspace(0, 1, 41)
    rises = 1 - (1 - grid) ** 3.6
    recall = np.linspace(0.02, 1, 40)
    precision = 0.188 + 0.62 * (1 - recall) ** 1.3
    points = [0.05 * step for step in range(1, 19)]
    bins = [0.03, 0.07, 0.11, 0.15, 0.2, 0.26, 0.33, 0.42, 0.55, 0.74]
    return Results(
        sample=BaselineSample.EVALUATION,
        rows=9_940,
        deciding="roc_auc",
        metrics=_metrics(),
        positive="written off",
        main=3,
        roc=Curve(_floats(grid), _floats(rises)),
        precision_recall=Curve(_floats(recall), _floats(precision)),
        calibration=tuple(
            CalibrationBin(
                predicted=at,
                observed=_at(at + 0.02 * math.sin(9 * at), 0.018 + 0.02 * at),
                rows=994,
            )
            for at in bins
        ),
        thresholds=tuple(
            Threshold(
                threshold=at,
                flagged=(1 - at) ** 2.6,
                precision=0.188 + 0.7 * at,
                recall=(1 - at) ** 1.4,
                specificity=1 - (1 - at) ** 4,
                f1=0.5 - (at - 0.3) ** 2,
            )
            for at in points
        ),
        confusion=((932, 937), (611, 7_460)),
        learning=tuple(
            LearningPoint(rows, 0.86 - 0.008 * step, 0.74 + 0.011 * step)
            for step, rows in enumerate((2_500, 5_000, 10_000, 20_000, 35_000, 50_000))
        ),
        slices=(
            Slice("employment_years", "missing", 812, _at(0.171, 0.02), _at(0.05, 0.02)),
            Slice("age", "18 to 24", 1_204, _at(0.149, 0.015), _at(0.027, 0.03)),
            Slice("purpose", "education", 640, _at(0.142, 0.02), _at(0.019, 0.028)),
            Slice("home", "own", 2_911, _at(0.101, 0.01), _at(-0.024, 0.014)),
        ),
        time_split=TimeSplit(
            bounds=tuple(_SINCE + timedelta(days=548 + 36 * step) for step in range(6)),
            parts=(
                _at(0.812, 0.02),
                _at(0.808, 0.02),
                _at(0.803, 0.02),
                _at(0.79, 0.021),
                _at(0.771, 0.022),
            ),
            rows=(2_010, 1_980, 1_990, 1_970, 1_990),
            refitted=_at(0.776, 0.02),
            shuffled=_at(0.801, 0.02),
        ),
    )


def _metrics() -> tuple[Metric, ...]:
    up = partial(Metric, higher_is_better=True)
    down = partial(Metric, higher_is_better=False)
    none = Estimate(0.5)
    return (
        up(
            "roc_auc",
            model=_at(0.806, 0.011),
            dummy=none,
            main=_at(0.781, 0.012),
            gain=_at(0.025, 0.009),
            reference=_at(0.823, 0.004),
        ),
        up("pr_auc", model=_at(0.512, 0.024), dummy=Estimate(0.188), main=_at(0.471, 0.024)),
        up("balanced_accuracy", model=_at(0.711, 0.01), dummy=none, main=_at(0.69, 0.01)),
        up("precision", model=_at(0.604, 0.025), main=_at(0.58, 0.026)),
        up("recall", model=_at(0.499, 0.023), dummy=Estimate(0.0), main=_at(0.47, 0.024)),
        down(
            "brier",
            model=_at(0.122, 0.004),
            dummy=_at(0.153, 0.003),
            main=_at(0.127, 0.004),
            gain=_at(0.005, 0.0015),
            reference=_at(0.118, 0.002),
        ),
        down("log_loss", model=_at(0.391, 0.011), dummy=_at(0.483, 0.008), main=_at(0.405, 0.011)),
        down("ece", model=_at(0.012, 0.005), main=_at(0.021, 0.006)),
    )


def _explanations() -> Explanations:
    sizes = (0.061, 0.044, 0.031, 0.02, 0.013, 0.009, 0.006, 0.003, 0.0001)
    order = (
        "debt_ratio",
        "late_payments",
        "income",
        "age",
        "loan_amount",
        "purpose",
        "employment_years",
        "home",
        "has_guarantor",
    )
    return Explanations(
        importances=tuple(
            Importance(name, _at(size, 0.002 + size / 12), size / sum(sizes))
            for name, size in zip(order, sizes, strict=True)
        ),
        dependences=tuple(_dependence(name, place) for place, name in enumerate(order[:6])),
        alone=tuple(
            Alone(name, _at(0.5 + 0.23 / (place + 1), 0.015)) for place, name in enumerate(order)
        ),
        without=tuple(
            WithoutValues(name, share, _at(0.806 - share * drop, 0.012), 0.0)
            for name, drop in (("*", 0.16), ("debt_ratio", 0.09), ("late_payments", 0.07))
            for share in (0.1, 0.3, 1.0)
        ),
        shap=_shap(order),
    )


def _dependence(name: str, place: int) -> Dependence:
    if name in CATEGORIES:
        names, size = CATEGORIES[name], len(CATEGORIES[name])
        answers = tuple(0.14 + 0.03 * step for step in range(size))
        return Dependence(
            name,
            None,
            names,
            answers,
            tuple(0.05 + 0.01 * step for step in range(size)),
            tuple(0.3 + 0.04 * step for step in range(size)),
            (0.4, 0.3, 0.2, 0.1)[:size],
        )
    at = np.linspace(0, 1, 25)
    rises = 0.12 + 0.3 / (1 + np.exp(-8 * (at - 0.4))) / (place + 1)
    return Dependence(
        name,
        _floats(at * (3.0, 9.0, 90_000.0, 62.0, 40_000.0)[place]),
        None,
        _floats(rises),
        _floats(rises * 0.4),
        _floats(rises * 1.7),
        _floats(np.exp(-(((at - 0.3) / 0.22) ** 2)) / 10),
    )


def _shap(order: tuple[str, ...]) -> Shap:
    draw, features = np.random.default_rng(5), []
    for place, name in enumerate(order):
        levels = draw.uniform(0, 1, 300)
        pushes = (levels - 0.45) * 0.3 / (place + 1) + draw.normal(0, 0.02, 300)
        points = tuple(
            (float(push), None if name in CATEGORIES else float(level))
            for push, level in zip(pushes, levels, strict=True)
        )
        features.append(ShapFeature(name, float(np.abs(pushes).mean()), points))
    return Shap(300, "tree", tuple(features))


def _fairness() -> Fairness:
    return Fairness(
        "repaid",
        (
            AttributeFairness(
                "sex",
                (
                    _group("f", 4_811, 0.0),
                    _group("m", 5_115, 0.012),
                    GroupFigures("not stated", 14, suppressed=True),
                ),
                (
                    Gap("selection_rate", ("m", "f"), _at(0.012, 0.014), 0.984),
                    Gap("true_positive_rate", ("m", "f"), _at(0.008, 0.012), 0.99),
                    Gap("false_positive_rate", ("m", "f"), _at(0.021, 0.026), 0.95),
                ),
                (ProxyStrength("*", _at(0.56, 0.012)), ProxyStrength("income", _at(0.55, 0.012))),
            ),
            AttributeFairness(
                "age_group",
                (
                    _group("under 25", 1_391, -0.19),
                    _group("25 to 60", 6_961, 0.0),
                    _group("over 60", 1_588, 0.05),
                ),
                (
                    Gap("selection_rate", ("over 60", "under 25"), _at(0.24, 0.03), 0.71),
                    Gap("true_positive_rate", ("over 60", "under 25"), _at(0.16, 0.03), 0.82),
                    Gap("false_positive_rate", ("over 60", "under 25"), _at(0.2, 0.06), 0.6),
                ),
                (ProxyStrength("*", _at(0.99, 0.004)), ProxyStrength("age", _at(0.99, 0.004))),
            ),
        ),
    )


def _group(name: str, rows: int, shift: float) -> GroupFigures:
    return GroupFigures(
        name,
        rows,
        suppressed=False,
        figures={
            "selection_rate": _at(0.79 + shift, 0.012),
            "true_positive_rate": _at(0.91 + shift / 2, 0.011),
            "false_positive_rate": _at(0.42 + shift, 0.02),
            "precision": _at(0.89 + shift / 4, 0.01),
            "accuracy": _at(0.84 + shift / 8, 0.01),
            "mean_score": _at(0.81 + shift / 2, 0.006),
        },
    )


def _monitor() -> MonitorReference:
    features = tuple(
        MonitoredFeature(
            name,
            tuple(f"≤ {10 * step}" for step in range(1, 11)),
            tuple(5_000 - 40 * step for step in range(10)),
            0.083 if name == "employment_years" else 0.0,
            0.0,
        )
        for name in NUMBERS
    )
    features += tuple(
        MonitoredFeature(
            name, names, tuple(9_000 - 700 * step for step in range(len(names))), 0.0, 0.0004
        )
        for name, names in CATEGORIES.items()
    )
    scores = tuple((0.1 * step, 0.1 * step + 0.01, 994) for step in range(1, 10))
    return MonitorReference("9f2c31d07be4", 50_000, features, 1.34, scores)


def _floats(values: "np.typing.NDArray[np.float64]") -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def keep_review(memory: Memory, files: dict[str, bytes], review: Review) -> Attempt:
    """As if it had been made a moment ago."""
    content = REVIEW.dump_json(review)
    digest = hashlib.sha256(content).hexdigest()
    files[digest] = content
    held = memory.reviews.setdefault((review.model, review.version), [])
    made = Made(
        digest,
        review.made_at,
        review.findings,
        None if review.results is None else review.results.main,
    )
    attempt = Attempt(
        review.model, review.version, len(held) + 1, "job", review.made_at, "user:ann", made
    )
    held.append(attempt)
    return attempt
