"""The registry: projects, models, versions, artifacts, deployments, releases, keys, the trail."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from understudy.client.connection import segment
from understudy.client.errors import JobUnfinishedError, ProblemError
from understudy.client.gates import GatesConnection
from understudy.client.past import PastConnection
from understudy.client.reviews import ReviewsConnection
from understudy.client.trust import TrustConnection
from understudy.contracts.policy import Policy
from understudy.contracts.problems import Problem
from understudy.contracts.registry import (
    AuditView,
    DecisionRequest,
    DeploymentRequest,
    DeploymentView,
    JobView,
    KeyIssued,
    KeyRequest,
    KeyView,
    ModelRequest,
    ModelView,
    ProjectRequest,
    ProjectView,
    ReleaseRequest,
    ReleaseView,
    ReviewStanding,
    VersionRequest,
    VersionView,
)
from understudy.contracts.vocabulary import Decision, Digest, JobState, ReleaseKind, ReviewState

Progress = Callable[[int, int], None]
"""Told after each piece: bytes sent, bytes in all."""

_PIECE: Final = 256 * 1024
_NOT_FOUND: Final = 404
_ACCEPTED: Final = 202
_FIRST_LOOK_SECONDS: Final = 0.05
_LONGEST_LOOK_SECONDS: Final = 1.0
_CHECKING_SECONDS: Final = 120.0
"""How long the registry may take over the digest of an upload."""
_REVIEWING_SECONDS: Final = 600.0
"""How long it may take over a review: others before it, and the review."""
_REGISTERING_SECONDS: Final = 330.0
"""How long it may take over a version: a turn, inspecting its files, measuring, compiling."""


class RegistryClient(ReviewsConnection, GatesConnection, TrustConnection, PastConnection):
    """The registry with an administrator's or a reader's key."""

    idempotent = True
    service = "the registry"
    setting = "--registry-url or UNDERSTUDY_REGISTRY_URL"

    def create_project(self, name: str, description: str = "") -> ProjectView:
        """Make a project."""
        return self.post(
            "/v1/projects", ProjectRequest(name=name, description=description), ProjectView
        )

    def projects(self) -> tuple[ProjectView, ...]:
        """All projects."""
        return self.pages("/v1/projects", ProjectView)

    def create_model(self, name: str, project: str, description: str = "") -> ModelView:
        """Make a model: a family of versions that answer one question."""
        body = ModelRequest(name=name, project=project, description=description)
        return self.post("/v1/models", body, ModelView)

    def models(self) -> tuple[ModelView, ...]:
        """All models."""
        return self.pages("/v1/models", ModelView)

    def model(self, name: str) -> ModelView:
        """One model."""
        return self.get(f"/v1/models/{segment(name)}", ModelView)

    def upload_artifact(self, path: Path, progress: Progress | None = None) -> Digest:
        """Store a file under its SHA-256, unless the registry has it already."""
        digest = _sha256(path)
        size = path.stat().st_size
        if not self.has_artifact(digest):
            self.ask(
                "PUT",
                f"/v1/artifacts/{digest}",
                content=_pieces(path, size, progress),
                headers={"Content-Length": str(size), "Content-Type": "application/octet-stream"},
                timeout_seconds=_CHECKING_SECONDS,
            )
        elif progress is not None:
            progress(size, size)
        return digest

    def has_artifact(self, digest: str) -> bool:
        """Whether the registry has a file of that digest."""
        try:
            self.ask("HEAD", f"/v1/artifacts/{segment(digest)}")
        except ProblemError as error:
            if error.status == _NOT_FOUND:
                return False
            raise
        return True

    def register(
        self, model: str, version: VersionRequest, told: Callable[[JobView], None] | None = None
    ) -> VersionView:
        """Register a version of files that were uploaded before; `told` hears how far it is."""
        path = f"/v1/models/{segment(model)}/versions"
        answer = self.send(path, version, Prefer="respond-async")
        if answer.status_code != _ACCEPTED:
            return self.read(answer, VersionView)
        job = self.await_job(self.read(answer, JobView), _REGISTERING_SECONDS, told)
        return self.get(str((job.result or {})["location"]), VersionView)

    def await_review(
        self, model: str, number: int, told: Callable[[JobView], None] | None = None
    ) -> ReviewStanding:
        """How the version's review stands once nobody is making one; `told` hears until then.

        Raises JobUnfinishedError when it takes too long. Whether there is one, the answer says.
        """
        standing = self.review_status(model, number)
        if standing.state is ReviewState.RUNNING and standing.job is not None:
            with suppress(ProblemError):  # the standing says why it failed
                self.await_job(self.job(standing.job), _REVIEWING_SECONDS, told)
            standing = self.review_status(model, number)
        return standing

    def job(self, job_id: str) -> JobView:
        """How far long work is."""
        return self.get(f"/v1/jobs/{segment(job_id)}", JobView)

    def jobs(self, limit: int = 50) -> tuple[JobView, ...]:
        """Long work of late, newest first."""
        return self.pages("/v1/jobs", JobView, limit)

    def await_job(
        self, job: JobView, seconds: float, told: Callable[[JobView], None] | None = None
    ) -> JobView:
        """The job once it has succeeded; `told` hears of it until then.

        Raises ProblemError when it failed, JobUnfinishedError when it takes longer than that.
        """
        ends, pause = time.monotonic() + seconds, _FIRST_LOOK_SECONDS
        while job.ended_at is None:
            if told is not None:
                told(job)
            if time.monotonic() >= ends:
                raise JobUnfinishedError(job.id, seconds)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_LOOK_SECONDS)
            job = self.job(job.id)
        if job.state is JobState.FAILED:
            raise ProblemError(_problem_of(job))
        return job

    def versions(self, model: str) -> tuple[VersionView, ...]:
        """All versions of a model."""
        return self.pages(f"/v1/models/{segment(model)}/versions", VersionView)

    def version(self, model: str, number: int) -> VersionView:
        """One version, and where its review stands."""
        return self.get(f"/v1/models/{segment(model)}/versions/{number}", VersionView)

    def decide(
        self,
        model: str,
        number: int,
        decision: Decision,
        reason: str = "",
        *,
        override: bool = False,
    ) -> VersionView:
        """End a pending version's review, if its project's gate is open, or against it."""
        body = DecisionRequest(decision=decision, reason=reason, override=override)
        return self.post(
            f"/v1/models/{segment(model)}/versions/{number}/decision", body, VersionView
        )

    def create_deployment(self, deployment: DeploymentRequest) -> DeploymentView:
        """Make a deployment with its first release."""
        return self.post("/v1/deployments", deployment, DeploymentView)

    def deployments(self) -> tuple[DeploymentView, ...]:
        """All deployments."""
        return self.pages("/v1/deployments", DeploymentView)

    def deployment(self, name: str) -> DeploymentView:
        """One deployment: its current release, and who has it loaded."""
        return self.get(f"/v1/deployments/{segment(name)}", DeploymentView)

    def delete_deployment(self, name: str) -> None:
        """Take a deployment away; its history and log stay."""
        self.ask("DELETE", f"/v1/deployments/{segment(name)}")

    def release(self, deployment: str, change: ReleaseRequest) -> ReleaseView:
        """Change a deployment: deploy, challenge, withdraw, promote, swap, roll back, configure."""
        return self.post(f"/v1/deployments/{segment(deployment)}/releases", change, ReleaseView)

    def configure(
        self,
        deployment: str,
        policy: Policy,
        *,
        expected_release: int | None = None,
        reason: str = "",
    ) -> ReleaseView:
        """Have a deployment answer by another policy; this one holds instead of it, whole.

        With `expected_release` it fails with a conflict when the deployment has another by then.
        """
        change = ReleaseRequest(
            kind=ReleaseKind.CONFIGURE,
            policy=policy,
            expected_release=expected_release,
            reason=reason,
        )
        return self.release(deployment, change)

    def releases(self, deployment: str) -> tuple[ReleaseView, ...]:
        """A deployment's history."""
        return self.pages(f"/v1/deployments/{segment(deployment)}/releases", ReleaseView)

    def issue_key(self, key: KeyRequest) -> KeyIssued:
        """Issue a key; this answer is the only one that carries its secret."""
        return self.post("/v1/keys", key, KeyIssued)

    def keys(self) -> tuple[KeyView, ...]:
        """All keys, without their secrets."""
        return self.pages("/v1/keys", KeyView)

    def revoke_key(self, key_id: str) -> None:
        """Take a key's rights away, now."""
        self.ask("DELETE", f"/v1/keys/{segment(key_id)}")

    def audit(self, limit: int = 50) -> tuple[AuditView, ...]:
        """Who did what, newest first."""
        return self.pages("/v1/audit", AuditView, limit)


def _problem_of(job: JobView) -> Problem:
    told = {"title": "The job failed", "instance": f"/v1/jobs/{job.id}", **(job.problem or {})}
    return Problem.model_validate(told)


def _sha256(path: Path) -> Digest:
    with path.open("rb") as file:
        return Digest(hashlib.file_digest(file, "sha256").hexdigest())


def _pieces(path: Path, size: int, progress: Progress | None) -> Iterator[bytes]:
    sent = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
            sent += len(piece)
            if progress is not None:
                progress(sent, size)
