"""The parts of a review in the order in which they are made, each with its share of the time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from services.registry.adapters.inspection.overtime import OverTimeError, at_most
from services.registry.adapters.reviewing.costs import cost_of
from services.registry.adapters.reviewing.data import correlations_of, data_of, overlap_of
from services.registry.adapters.reviewing.explaining import (
    alone_of,
    dependences_of,
    importances_of,
    without_of,
)
from services.registry.adapters.reviewing.fairness import fairness_of
from services.registry.adapters.reviewing.monitored import monitor_of
from services.registry.adapters.reviewing.proxies import proxies_of
from services.registry.adapters.reviewing.refitting import learning_of, time_split_of
from services.registry.adapters.reviewing.results import results_of
from services.registry.adapters.reviewing.shapley import shap_of
from services.registry.adapters.reviewing.slices import slices_of
from services.registry.adapters.reviewing.subject import LeftOutError, Subject
from services.registry.domain.findings import in_order
from understudy.contracts.reviews import Data, Explanations, Fairness, LeftOut, Results, Review

_LONGEST_REASON: Final = 500


@dataclass(slots=True)
class Made:
    """What there is so far, by the part's name."""

    parts: dict[str, Any] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Part:
    """One part."""

    name: str
    share: float
    """Of all the time, at most."""
    make: Callable[[Subject, Made], Any]


PARTS: Final = (
    Part("data", 0.15, lambda subject, _: data_of(subject)),
    Part("overlap", 0.1, lambda subject, _: overlap_of(subject)),
    Part("correlations", 0.1, lambda subject, _: correlations_of(subject)),
    Part("results", 0.25, lambda subject, _: results_of(subject)),
    Part("slices", 0.1, lambda subject, _: slices_of(subject)),
    Part("importances", 0.2, lambda subject, _: importances_of(subject)),
    Part("alone", 0.1, lambda subject, _: alone_of(subject)),
    Part("dependences", 0.15, lambda subject, made: dependences_of(subject, ranked(made))),
    Part("without values", 0.15, lambda subject, made: without_of(subject, ranked(made))),
    Part("fairness", 0.1, lambda subject, _: fairness_of(subject)),
    Part("proxies", 0.1, lambda subject, _: proxies_of(subject)),
    Part("cost", 0.1, lambda subject, _: cost_of(subject)),
    Part("monitor", 0.1, lambda subject, _: monitor_of(subject)),
    Part("learning curve", 0.25, lambda subject, _: learning_of(subject)),
    Part("time split", 0.2, lambda subject, _: time_split_of(subject)),
    Part("shap", 0.25, lambda subject, _: shap_of(subject)),
)


def ranked(made: Made) -> tuple[str, ...]:
    """Features, those that the answers hang on most first; empty where nobody knows."""
    return tuple(found.feature for found in made.parts.get("importances") or ())


def make(subject: Subject, made: Made, left: Callable[[], float]) -> Iterator[str]:
    """Fill `made`, naming each part as it is begun; `left` says how many seconds there are.

    A part that fails or takes too long is left out, with the reason.
    """
    for part in PARTS:
        yield part.name
        seconds = min(part.share * subject.task.seconds, left())
        if seconds <= 0.1:
            made.left_out.append(LeftOut(part.name, "there was no time left for it"))
            continue
        try:
            with at_most(seconds):
                made.parts[part.name] = part.make(subject, made)
        except LeftOutError as reason:
            made.left_out.append(LeftOut(part.name, str(reason)))
        except OverTimeError:
            made.left_out.append(LeftOut(part.name, f"it took longer than {seconds:.0f} s"))
        except MemoryError:
            made.left_out.append(LeftOut(part.name, "it takes more memory than it may"))
        except Exception as error:  # noqa: BLE001 - foreign models and data: any failure is a reason
            failure = f"it failed ({type(error).__name__}: {error})"
            made.left_out.append(LeftOut(part.name, failure[:_LONGEST_REASON]))


def assembled(subject: Subject, made: Made, *, seconds: float, libraries: dict[str, str]) -> Review:
    """All parts as one review, with what is to be found in them."""
    task, parts = subject.task, made.parts
    if subject.main_missing is not None:
        made.left_out.append(LeftOut("main", subject.main_missing))
    review = Review(
        model=task.name,
        version=task.subject.number,
        task=task.signature.target.task,
        made_at=task.made_at,
        seconds=seconds,
        seed=task.seed,
        artifact=task.artifact,
        data=_data(parts),
        findings=(),
        results=_results(parts),
        explanations=Explanations(
            importances=parts.get("importances", ()),
            dependences=parts.get("dependences", ()),
            alone=parts.get("alone", ()),
            without=parts.get("without values", ()),
            shap=parts.get("shap"),
        ),
        fairness=_fairness(parts),
        cost=parts.get("cost", ()),
        monitor=parts.get("monitor"),
        left_out=tuple(made.left_out),
        libraries=libraries,
    )
    return replace(review, findings=in_order(review, task.signature))


def _data(parts: dict[str, Any]) -> Data:
    found: Data = parts.get("data") or Data((), (), ())
    return replace(found, overlap=parts.get("overlap"), correlations=parts.get("correlations"))


def _results(parts: dict[str, Any]) -> Results | None:
    found: Results | None = parts.get("results")
    if found is None:
        return None
    return replace(
        found,
        slices=parts.get("slices", ()),
        learning=parts.get("learning curve", ()),
        time_split=parts.get("time split"),
    )


def _fairness(parts: dict[str, Any]) -> Fairness | None:
    found: Fairness | None = parts.get("fairness")
    if found is None:
        return None
    proxies = parts.get("proxies") or {}
    return replace(
        found,
        attributes=tuple(
            replace(one, proxies=proxies.get(one.attribute, ())) for one in found.attributes
        ),
    )
