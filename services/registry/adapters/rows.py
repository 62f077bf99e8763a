"""Rows of the tables from and to the domain's values."""

from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Row

from services.registry.domain.access import Configuration, Key, Reach
from services.registry.domain.audit import Entry
from services.registry.domain.deployments import Deployment
from services.registry.domain.releases import Release, Setting
from services.registry.domain.versions import (
    Baseline,
    Compiled,
    Lineage,
    NotCompiled,
    NotMeasured,
    Ruling,
    Version,
    VersionDraft,
)
from understudy.contracts.limits import Limits
from understudy.contracts.policy import Policy
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import (
    AccessLevel,
    ArtifactFormat,
    ReleaseKind,
    Scope,
    VersionState,
)

_SIGNATURE = TypeAdapter(Signature)
_LINEAGE = TypeAdapter(Lineage)
_POLICY = TypeAdapter(Policy)
_COMPILED = TypeAdapter(Compiled)
_BASELINE = TypeAdapter(Baseline)
_CONFIGURATION = TypeAdapter(Configuration)

Values = dict[str, Any]


def version_row(draft: VersionDraft, number: int) -> Values:
    """A version that is pending."""
    return {
        "model": draft.model,
        "number": number,
        "artifact": draft.artifact,
        "reference": draft.reference,
        "signature": _SIGNATURE.dump_python(draft.signature, mode="json"),
        "metrics": dict(draft.metrics),
        "lineage": _LINEAGE.dump_python(draft.lineage, mode="json"),
        "description": draft.description,
        "created_at": draft.created_at,
        "created_by": draft.created_by,
        "state": VersionState.PENDING.value,
        "evaluation": draft.evaluation,
        "time_column": draft.time_column,
        "protected": [*draft.protected],
        "format": draft.format.value,
        "converted_from": draft.converted_from,
        "attestation": draft.attestation,
        **_compiled_row(draft.compiled),
        **_baseline_row(draft.baseline),
    }


def version_of(row: Row[Any]) -> Version:
    """A version with its review, if that has ended."""
    draft = VersionDraft(
        model=row.model,
        artifact=row.artifact,
        reference=row.reference,
        signature=_SIGNATURE.validate_python(row.signature),
        created_at=row.created_at,
        created_by=row.created_by,
        metrics=row.metrics,
        lineage=_LINEAGE.validate_python(row.lineage),
        description=row.description,
        evaluation=row.evaluation,
        time_column=row.time_column,
        protected=tuple(row.protected),
        format=ArtifactFormat(row.format),
        converted_from=row.converted_from,
        attestation=row.attestation,
        compiled=_compiled_of(row),
        baseline=_baseline_of(row),
    )
    return Version(row.number, draft, _ruling(row))


def _compiled_row(compiled: Compiled | NotCompiled) -> Values:
    if isinstance(compiled, NotCompiled):
        return {"not_compiled": compiled.reason}
    figures = _COMPILED.dump_python(compiled, mode="json", exclude={"artifact"})
    return {"compiled": compiled.artifact, "compiled_figures": figures}


def _compiled_of(row: Row[Any]) -> Compiled | NotCompiled:
    if row.compiled is None:
        return NotCompiled(row.not_compiled)
    return _COMPILED.validate_python({"artifact": row.compiled, **row.compiled_figures})


def _baseline_row(baseline: Baseline | NotMeasured) -> Values:
    if isinstance(baseline, NotMeasured):
        return {"not_measured": baseline.reason}
    figures = _BASELINE.dump_python(baseline, mode="json", exclude={"file"})
    return {"baseline": baseline.file, "baseline_figures": figures}


def _baseline_of(row: Row[Any]) -> Baseline | NotMeasured:
    if row.baseline is None:
        return NotMeasured(row.not_measured)
    return _BASELINE.validate_python({"file": row.baseline, **row.baseline_figures})


def _ruling(row: Row[Any]) -> Ruling | None:
    if row.decided_at is None:
        return None
    state = VersionState(row.state)
    overridden = tuple(row.overridden or ())
    return Ruling(state, row.decided_at, row.decided_by, row.decision_reason, overridden)


def ruling_row(ruling: Ruling) -> Values:
    """The columns that the end of a review fills."""
    return {
        "state": ruling.state.value,
        "decided_at": ruling.decided_at,
        "decided_by": ruling.decided_by,
        "decision_reason": ruling.reason,
        "overridden": [*ruling.overridden] or None,
    }


def deployment_row(deployment: Deployment, current: int) -> Values:
    """A deployment that lives."""
    return {
        "name": deployment.name,
        "live_name": deployment.name,
        "project": deployment.project,
        "model": deployment.model,
        "access": deployment.access.value,
        "description": deployment.description,
        "created_at": deployment.created_at,
        "anchor": deployment.anchor,
        "current": current,
    }


def deployment_of(row: Row[Any], current: Release) -> Deployment:
    """A deployment and its current release."""
    return Deployment(
        name=row.name,
        project=row.project,
        model=row.model,
        access=AccessLevel(row.access),
        description=row.description,
        created_at=row.created_at,
        anchor=row.anchor,
        current=current,
    )


def release_row(release: Release, deployment_id: int) -> Values:
    """A release of one deployment."""
    return {
        "deployment_id": deployment_id,
        "number": release.number,
        "kind": release.kind.value,
        "main": release.setting.main,
        "challengers": list(release.setting.challengers),
        "released_at": release.released_at,
        "released_by": release.released_by,
        "reason": release.reason,
        "restores": release.restores,
        "policy": _POLICY.dump_python(release.setting.policy, mode="json"),
    }


def release_of(row: Row[Any], deployment: str) -> Release:
    """A release of the deployment of that name."""
    return Release(
        deployment=deployment,
        number=row.number,
        kind=ReleaseKind(row.kind),
        setting=Setting(row.main, tuple(row.challengers), _POLICY.validate_python(row.policy)),
        released_at=row.released_at,
        released_by=row.released_by,
        reason=row.reason,
        restores=row.restores,
    )


def key_row(key: Key) -> Values:
    """A key, without its secret."""
    return {
        "id": key.id,
        "digest": key.digest,
        "name": key.name,
        "scopes": [scope.value for scope in key.scopes],
        "deployment": key.reach.deployment,
        "project": key.reach.project,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
        "limits": None if key.limits is None else asdict(key.limits),
        "last_used_at": key.last_used_at,
        "issued_by": key.issued_by,
    }


def key_of(row: Row[Any]) -> Key:
    """A key, whatever has become of it."""
    return Key(
        id=row.id,
        digest=row.digest,
        name=row.name,
        scopes=tuple(Scope(scope) for scope in row.scopes),
        reach=Reach(row.deployment, row.project),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        limits=None if row.limits is None else Limits(**row.limits),
        last_used_at=row.last_used_at,
        issued_by=row.issued_by,
    )


def entry_row(entry: Entry) -> Values:
    """An audit entry, all but its number."""
    return {
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action.value,
        "subject": entry.subject,
        "reason": entry.reason,
        "details": dict(entry.details),
    }


def configuration_row(configuration: Configuration) -> Values:
    """The configuration as one JSON value."""
    values: Values = _CONFIGURATION.dump_python(configuration, mode="json")
    return values


def configuration_of(value: Values) -> Configuration:
    """The configuration; an empty one before the first start has ended."""
    return _CONFIGURATION.validate_python(value)
