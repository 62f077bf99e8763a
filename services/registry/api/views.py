"""The domain's values as the bodies that go out."""

from dataclasses import asdict

from services.registry.domain.access import Key
from services.registry.domain.audit import Recorded
from services.registry.domain.catalogue import Model, Project
from services.registry.domain.deployments import Deployment
from services.registry.domain.releases import Release
from services.registry.domain.versions import (
    Baseline,
    Compiled,
    NotCompiled,
    NotMeasured,
    Version,
)
from services.registry.operations.followers import Standing
from understudy.contracts.registry import (
    AuditView,
    DeploymentView,
    KeyView,
    Lineage,
    ModelView,
    ProjectView,
    ReleaseView,
    VersionView,
)
from understudy.contracts.registry import Baseline as BaselineBody
from understudy.contracts.registry import Compiled as CompiledBody


def project_view(project: Project) -> ProjectView:
    """A project."""
    return ProjectView(
        name=project.name, description=project.description, created_at=project.created_at
    )


def model_view(model: Model) -> ModelView:
    """A model."""
    return ModelView(
        name=model.name,
        project=model.project,
        description=model.description,
        created_at=model.created_at,
        versions=model.versions,
        frozen_by=model.frozen_by,
    )


def version_view(version: Version) -> VersionView:
    """A version and its review."""
    draft, ruling = version.draft, version.ruling
    lineage, compiled, baseline = draft.lineage, draft.compiled, draft.baseline
    return VersionView(
        artifact=draft.artifact,
        reference=draft.reference,
        evaluation=draft.evaluation,
        time_column=draft.time_column,
        protected=draft.protected,
        attestation=draft.attestation,
        signature=draft.signature,
        metrics=dict(draft.metrics),
        lineage=Lineage(
            author=lineage.author,
            git_commit=lineage.git_commit,
            data_sha256=lineage.data_sha256,
            trained_at=lineage.trained_at,
            libraries=dict(lineage.libraries),
            run=lineage.run,
        ),
        description=draft.description,
        baseline=BaselineBody(**asdict(baseline)) if isinstance(baseline, Baseline) else None,
        not_measured=baseline.reason if isinstance(baseline, NotMeasured) else None,
        compiled=CompiledBody(**asdict(compiled)) if isinstance(compiled, Compiled) else None,
        not_compiled=compiled.reason if isinstance(compiled, NotCompiled) else None,
        model=draft.model,
        version=version.number,
        format=draft.format,
        converted_from=draft.converted_from,
        state=version.state,
        overridden=ruling.overridden if ruling else (),
        created_at=draft.created_at,
        created_by=draft.created_by,
        decided_at=ruling and ruling.decided_at,
        decided_by=ruling and ruling.decided_by,
        decision_reason=ruling and ruling.reason,
    )


def release_view(release: Release) -> ReleaseView:
    """A release."""
    return ReleaseView(
        deployment=release.deployment,
        release=release.number,
        kind=release.kind,
        main=release.setting.main,
        challengers=release.setting.challengers,
        released_at=release.released_at,
        released_by=release.released_by,
        reason=release.reason,
        restores=release.restores,
        policy=release.setting.policy,
    )


def deployment_view(deployment: Deployment, standing: Standing) -> DeploymentView:
    """A deployment, its current release, and how far its followers are."""
    return DeploymentView(
        name=deployment.name,
        project=deployment.project,
        model=deployment.model,
        access=deployment.access,
        description=deployment.description,
        created_at=deployment.created_at,
        current=release_view(deployment.current),
        deployed=standing.deployed,
        running=standing.running,
        followers=standing.followers,
    )


def key_view(key: Key) -> KeyView:
    """A key without its secret, which nobody has any more."""
    return KeyView(
        id=key.id,
        name=key.name,
        scopes=key.scopes,
        deployment=key.reach.deployment,
        project=key.reach.project,
        created_at=key.created_at,
        expires_at=key.expires_at,
        revoked_at=key.revoked_at,
        limits=key.limits,
        last_used_at=key.last_used_at,
        issued_by=key.issued_by,
    )


def audit_view(recorded: Recorded) -> AuditView:
    """An entry of the trail."""
    entry = recorded.entry
    return AuditView(
        sequence=recorded.sequence,
        at=entry.at,
        actor=entry.actor,
        action=entry.action.value,
        subject=entry.subject,
        reason=entry.reason,
        details=dict(entry.details),
        hash=recorded.hash,
    )
