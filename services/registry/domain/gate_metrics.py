"""Whether a figure of a review reaches what a gate demands of it."""

from collections.abc import Iterator

from understudy.contracts.gate import MetricDemand
from understudy.contracts.reviews import Estimate, Metric


def shortfalls(
    name: str, demand: MetricDemand, metric: Metric | None, main: int | None
) -> Iterator[str]:
    """What of the demand is not met, in words; `main` is the version it was held against, if any.

    With `certain` a bound is held against the end of the interval that is worse for the model: of
    its own figure, and of its gain over the main, which is paired by row; the dummy's figure is
    taken as it is. What was not measured reaches nothing.
    """
    if metric is None:
        yield (
            f"{name} was not measured: register an evaluation sample with labels that allows it, "
            "or change the gate."
        )
        return
    yield from _bounded(name, demand, metric)
    if demand.better_than_dummy_by is not None:
        yield from _against_dummy(name, demand.better_than_dummy_by, metric, demand.certain)
    if demand.worse_than_main_by_at_most is not None and main is not None:
        yield from _against_main(
            name, demand.worse_than_main_by_at_most, metric.gain, main, demand.certain
        )


def _bounded(name: str, demand: MetricDemand, metric: Metric) -> Iterator[str]:
    low = metric.model.low if demand.certain else metric.model.value
    high = metric.model.high if demand.certain else metric.model.value
    shown = _shown(metric.model, demand.certain)
    if demand.at_least is not None and not _reaches(low, demand.at_least):
        yield f"{name} is {shown}; the gate wants at least {demand.at_least:g}{_how(demand)}."
    if demand.at_most is not None and not _reaches(_less(high), -demand.at_most):
        yield f"{name} is {shown}; the gate wants at most {demand.at_most:g}{_how(demand)}."


def _against_dummy(name: str, wanted: float, metric: Metric, certain: bool) -> Iterator[str]:
    if metric.dummy is None:
        yield f"{name} was not measured for a model that knows nothing, to be better than."
        return
    model = _worse_end(metric) if certain else metric.model.value
    if model is None:
        yield f"{name} has no interval, so that it is better than a dummy is not certain."
        return
    ahead = model - metric.dummy.value
    ahead = ahead if metric.higher_is_better else -ahead
    if not _reaches(ahead, wanted):
        yield (
            f"{name} is {_shown(metric.model, certain)}, and {metric.dummy.value:g} for a model "
            f"that knows nothing; the gate wants it better by {wanted:g}."
        )


def _against_main(
    name: str, allowed: float, gain: Estimate | None, main: int, certain: bool
) -> Iterator[str]:
    if gain is None:
        yield f"{name} was not measured for version {main}, which the version was held against."
        return
    worst = gain.low if certain else gain.value
    if not _reaches(worst, -allowed):
        yield (
            f"{name} gains {_shown(gain, certain)} over version {main}, the main; the gate allows "
            f"it to be worse by at most {allowed:g}."
        )


def _worse_end(metric: Metric) -> float | None:
    """Of the model's interval; None without one."""
    return metric.model.low if metric.higher_is_better else metric.model.high


def _reaches(value: float | None, bound: float) -> bool:
    """False for what is not there, and for what is no number."""
    return value is not None and value >= bound


def _less(value: float | None) -> float | None:
    return None if value is None else -value


def _shown(figure: Estimate, certain: bool) -> str:
    if not certain:
        return f"{figure.value:g}"
    if figure.low is None or figure.high is None:
        return f"{figure.value:g} without an interval"
    return f"{figure.value:g} ({figure.low:g} to {figure.high:g})"


def _how(demand: MetricDemand) -> str:
    return " at the worse end of its interval" if demand.certain else ""
