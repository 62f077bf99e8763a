"""Files on this machine → a version in a registry, and what its review found."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from understudy.client.errors import ProblemError
from understudy.client.registry import RegistryClient
from understudy.contracts.gate import Assessment
from understudy.contracts.registry import Lineage, ReviewStanding, VersionRequest, VersionView
from understudy.contracts.reviews import Finding
from understudy.contracts.signature import Feature, Signature
from understudy.contracts.vocabulary import FeatureKind, ReviewState, Severity, VersionState
from understudy.importing.errors import ImportingError
from understudy.importing.progress import Shown, Silence

_NOT_FOUND: Final = 404
_WIDENING: Final = {(FeatureKind.INTEGER, FeatureKind.NUMBER)}
"""Whole numbers are numbers: a feature that was a number before stays one."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent."""

    artifact: Path
    reference: Path
    signature: Signature
    evaluation: Path | None = None
    time_column: str | None = None
    protected: tuple[str, ...] = ()
    attestation: Path | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    lineage: Lineage = field(default_factory=Lineage)
    description: str = ""


@dataclass(frozen=True, slots=True)
class Registered:
    """A version that came in, and how its review stands. `str()` tells both."""

    view: VersionView
    review: ReviewStanding | None = None
    """None when it was not waited for."""
    gate: Assessment | None = None
    """What stands between the version and its deployment; None where there is no review."""

    @property
    def model(self) -> str:
        """Its model's name."""
        return self.view.model

    @property
    def version(self) -> int:
        """Its number."""
        return self.view.version

    @property
    def state(self) -> VersionState:
        """`pending`, until somebody decides."""
        return self.view.state

    @property
    def signature(self) -> Signature:
        """What it takes and answers."""
        return self.view.signature

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What its review found, with the severities of the project's gate; blocks first."""
        return self.gate.findings if self.gate else ()

    def __str__(self) -> str:
        lines = [f"{self.model} version {self.version} is {self.state}"]
        lines += [
            f"  {_WORDS[one.severity]}: {one.title.rstrip('.')}. {one.detail}"
            for one in self.findings
        ]
        if self.review is not None and self.review.state is ReviewState.FAILED:
            lines.append(f"  its review failed: {self.review.failure}")
        elif self.review is not None and self.review.state is ReviewState.MADE:
            lines += [] if self.findings else ["  its review found nothing to object to"]
        lines.append(f"Next: understudy review {self.model} {self.version}")
        return "\n".join(lines)


_WORDS: Final = {Severity.BLOCK: "BLOCKS", Severity.WARN: "warning", Severity.LOOK: "look at"}


def send(
    registry: RegistryClient,
    model: str,
    parcel: Parcel,
    *,
    project: str | None = None,
    review: bool = True,
    shown: Shown | None = None,
) -> Registered:
    """Upload, register, wait. Raises ImportingError and whatever the client raises."""
    shown = shown or Silence()
    ensure_model(registry, model, project)
    request = VersionRequest(
        artifact=_sent(registry, parcel.artifact, shown),
        reference=_sent(registry, parcel.reference, shown),
        evaluation=_sent_if_any(registry, parcel.evaluation, shown),
        attestation=_sent_if_any(registry, parcel.attestation, shown),
        time_column=parcel.time_column,
        protected=parcel.protected,
        signature=parcel.signature,
        metrics=parcel.metrics,
        lineage=parcel.lineage,
        description=parcel.description,
    )
    made = registry.register(model, request, shown.told)
    if not review:
        return Registered(made)
    standing = registry.await_review(model, made.version, shown.told)
    reviewed = standing.state is ReviewState.MADE
    return Registered(
        made, standing, registry.assessment(model, made.version) if reviewed else None
    )


def ensure_model(registry: RegistryClient, model: str, project: str | None) -> None:
    """Make it, and its project, where they are absent. Raises ImportingError without a project."""
    try:
        registry.model(model)
    except ProblemError as error:
        if error.status != _NOT_FOUND:
            raise
        if project is None:
            raise ImportingError(
                "project", f"there is no model '{model}' yet; name the project to make it in"
            ) from error
        if all(found.name != project for found in registry.projects()):
            registry.create_project(project)
        registry.create_model(model, project)


def continued(registry: RegistryClient, model: str, signature: Signature) -> Signature:
    """Not narrower than the model's newest version, so that both fit one release.

    Ranges that were proposed of other rows, and choices of a model that takes any, would differ.
    """
    try:
        before = next(iter(registry.versions(model)), None)
    except ProblemError as error:
        if error.status != _NOT_FOUND:
            raise
        return signature
    if before is None:
        return signature
    return widened(signature, before.signature)


def widened(signature: Signature, before: Signature) -> Signature:
    """Features of both take what either takes, as far as that is a matter of ranges and kinds."""
    known = {feature.name: feature for feature in before.features}
    return replace(
        signature,
        features=tuple(
            _wider(one, known[one.name]) if one.name in known else one for one in signature.features
        ),
    )


def _wider(mine: Feature, before: Feature) -> Feature:
    if (mine.kind, before.kind) in _WIDENING:
        mine = replace(mine, kind=before.kind)
    if mine.kind is not before.kind:
        return mine
    if mine.kind is FeatureKind.CATEGORY:
        return replace(mine, choices=_either(mine, before)) if mine.open_choices else mine
    return replace(
        mine,
        minimum=_outer(min, mine.minimum, before.minimum),
        maximum=_outer(max, mine.maximum, before.maximum),
    )


def _either(mine: Feature, before: Feature) -> tuple[str, ...]:
    if not mine.choices:
        return ()
    return tuple(sorted({*mine.choices, *before.choices}))


def _outer(
    pick: Callable[[float, float], float], mine: float | None, before: float | None
) -> float | None:
    if mine is None or before is None:
        return None
    return pick(mine, before)


def _sent(registry: RegistryClient, path: Path, shown: Shown) -> str:
    return registry.upload_artifact(path, lambda done, total: shown.sent(path.name, done, total))


def _sent_if_any(registry: RegistryClient, path: Path | None, shown: Shown) -> str | None:
    return None if path is None else _sent(registry, path, shown)
