"""How good the model is, and by how much better than who knows nothing and than the main."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from services.registry.adapters.inspection.overtime import OverTimeError
from services.registry.adapters.reviewing.asking_time import affordable, seconds_left
from services.registry.adapters.reviewing.results_answers import Answers, answered
from services.registry.adapters.reviewing.results_curves import (
    calibration_of,
    confusion_of,
    precision_recall_of,
    residuals_of,
    roc_of,
    thresholds_of,
)
from services.registry.adapters.reviewing.results_figures import HIGHER_IS_BETTER
from services.registry.adapters.reviewing.results_intervals import (
    Estimates,
    against_main,
    estimates,
    plain,
)
from services.registry.adapters.reviewing.results_peers import peers_of
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from understudy.contracts.reviews import Estimate, Metric, Results

_REFERENCE_ROWS: Final = 10_000


@np.errstate(over="ignore", invalid="ignore")
def results_of(subject: Subject) -> Results:
    """On rows that the model was not trained on, where there are some. Raises LeftOutError."""
    peers = peers_of(subject)
    model = peers.model
    ours = estimates(model, subject.draw())
    if not ours:
        raise LeftOutError("the model's answers are too far from the labels to be measured")
    main, gain, reference = Estimates(), Estimates(), Estimates()
    try:
        main, gain = against_main(peers, subject.draw())
        reference = _reference(subject, ours)
    except OverTimeError:
        # What the model's own rows say is worth more than having all of it.
        pass
    target = subject.signature.target
    return Results(
        sample=subject.held.sample,
        rows=len(model),
        deciding=deciding_of(model, ours),
        metrics=_metrics(ours, plain(peers.dummy), main, gain, reference),
        positive=None if model.positive is None else target.classes[model.positive],
        main=subject.task.main.number if subject.task.main is not None and main else None,
        roc=roc_of(model),
        precision_recall=precision_recall_of(model),
        calibration=calibration_of(model),
        thresholds=thresholds_of(model),
        confusion=confusion_of(model),
        residuals=residuals_of(model),
    )


def deciding_of(answers: Answers, measured: Mapping[str, Estimate]) -> str:
    """The metric that findings look at."""
    if not answers.classes:
        return "rmse"
    return "roc_auc" if "roc_auc" in measured else "accuracy"


def _reference(subject: Subject, held: Estimates) -> Estimates:
    """The same figures on rows that the model was trained on."""
    if subject.evaluation is None:
        return held
    sampled = subject.reference
    try:
        places = affordable(
            subject.runner, sampled.rows, sampled.some(_REFERENCE_ROWS), 0.3 * seconds_left()
        )
        _, answers = answered(subject, sampled, places)
    except LeftOutError:
        return {}
    return estimates(answers, subject.draw())


def _metrics(
    model: Estimates,
    dummy: Mapping[str, float],
    main: Estimates,
    gain: Estimates,
    reference: Estimates,
) -> tuple[Metric, ...]:
    return tuple(
        Metric(
            name=name,
            higher_is_better=higher,
            model=model[name],
            dummy=Estimate(dummy[name]) if name in dummy else None,
            main=main.get(name),
            gain=gain.get(name),
            reference=reference.get(name),
        )
        for name, higher in HIGHER_IS_BETTER.items()
        if name in model
    )
