"""Domain objects of the history as wire bodies."""

from dataclasses import asdict
from datetime import datetime

from services.registry.domain.audit import Recorded
from services.registry.domain.history import Reign
from services.registry.domain.verifying import Examination
from services.registry.operations.evidence import Admitted, KeyChanged
from services.registry.operations.history import Made, MainThen, Report
from understudy.contracts.history import (
    Admission,
    AuditReport,
    ChainBreak,
    ChainHead,
    KeyChange,
    MainAt,
    Omitted,
    ReleaseMade,
    Verification,
)
from understudy.contracts.history import Reign as ReignBody


def verification_view(found: Examination, walked_at: datetime | None = None) -> Verification:
    """What walking the chain has found; at another time than now, when that is given."""
    head = found.head and ChainHead(sequence=found.head.sequence, hash=found.head.hash)
    return Verification(
        whole=found.whole,
        entries=found.entries,
        first=found.first,
        head=head,
        breaks=tuple(ChainBreak(**asdict(one)) for one in found.breaks),
        more=found.more,
        incomparable=found.incomparable,
        walked_at=walked_at,
    )


def main_view(found: MainThen) -> MainAt:
    """What was main at a moment."""
    deployment = found.life.deployment
    return MainAt(
        **reign_view(found.reign).model_dump(),
        deployment=deployment.name,
        at=found.at,
        release_then=found.release_then.number,
        deleted_at=found.life.deleted_at,
        decision=release_made_view(found.decision),
        admission=found.admission and admission_view(found.admission),
    )


def report_view(found: Report) -> AuditReport:
    """What was done in a period."""
    deployment, decisions = found.life.deployment, tuple(map(admission_view, found.decisions))
    gone = found.life.deleted_at
    return AuditReport(
        deployment=deployment.name,
        project=deployment.project,
        model=deployment.model,
        since=found.since,
        until=found.until,
        made_at=found.made_at,
        deleted_at=gone if gone is not None and gone < found.until else None,
        mains=tuple(map(reign_view, found.mains)),
        releases=tuple(map(release_made_view, found.releases)),
        decisions=decisions,
        overrides=tuple(one for one in decisions if one.overridden),
        keys=tuple(map(_key_view, found.keys)),
        left_out=Omitted(**asdict(found.left_out)),
        verification=verification_view(found.walked.examination, found.walked.at),
    )


def reign_view(reign: Reign) -> ReignBody:
    """A version was main."""
    return ReignBody(
        project=reign.deployment.project,
        model=reign.deployment.model,
        version=reign.release.setting.main,
        release=reign.release.number,
        since=reign.since,
        until=reign.until,
    )


def release_made_view(made: Made) -> ReleaseMade:
    """A release with what it rested on."""
    release = made.release
    evidence = None if made.recorded is None else made.recorded.entry.details.get("evidence")
    return ReleaseMade(
        model=made.deployment.model,
        release=release.number,
        kind=release.kind,
        main=release.setting.main,
        challengers=release.setting.challengers,
        at=release.released_at,
        by=release.released_by,
        reason=release.reason,
        restores=release.restores,
        evidence=evidence if isinstance(evidence, dict) else None,
        entry=_head(made.recorded),
    )


def admission_view(admitted: Admitted) -> Admission:
    """How a version left `pending`."""
    ruling, recorded = admitted.ruling, admitted.recorded
    return Admission(
        model=admitted.model,
        version=admitted.version,
        state=ruling.state,
        decided_at=ruling.decided_at,
        decided_by=ruling.decided_by,
        reason=ruling.reason,
        overridden=ruling.overridden,
        review=admitted.review,
        details={} if recorded is None else dict(recorded.entry.details),
        entry=_head(recorded),
    )


def _key_view(changed: KeyChanged) -> KeyChange:
    entry = changed.recorded.entry
    return KeyChange(
        key=entry.subject,
        name=changed.name,
        action=entry.action.value,
        at=entry.at,
        by=entry.actor,
        scopes=changed.scopes,
        entry=ChainHead(sequence=changed.recorded.sequence, hash=changed.recorded.hash),
    )


def _head(recorded: Recorded | None) -> ChainHead | None:
    if recorded is None:
        return None
    return ChainHead(sequence=recorded.sequence, hash=recorded.hash)
