"""Deployments and their releases."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from services.registry.api.edge import (
    Asked,
    Deployer,
    IfMatch,
    PathName,
    Reader,
    Releaser,
    Verbs,
    etag,
    page_of,
)
from services.registry.api.views import deployment_view, release_view
from services.registry.domain.deployments import Deployment
from services.registry.domain.releases import Change, Setting
from services.registry.operations.deployments import Draft, Expected
from services.registry.operations.followers import Heard
from understudy.contracts.registry import (
    DeploymentRequest,
    DeploymentView,
    Page,
    ReleaseRequest,
    ReleaseView,
)

router = APIRouter(prefix="/v1/deployments")


@router.post("", status_code=201)
def make(
    caller: Deployer, verbs: Verbs, body: DeploymentRequest, response: Response
) -> DeploymentView:
    """Make a deployment and its first release."""
    made = verbs.deployments.make(caller, _draft(body))
    response.headers["ETag"] = etag(made.current.number)
    return _view(verbs.followers.heard(), made)


@router.get("")
def list_deployments(
    caller: Reader, verbs: Verbs, asked: Asked, request: Request, response: Response
) -> Page[DeploymentView]:
    """Deployments by name."""
    found = verbs.deployments.page(caller, asked)
    heard = verbs.followers.heard()
    return page_of(found, lambda held: _view(heard, held), request, response)


@router.get("/{deployment}")
def show(caller: Reader, verbs: Verbs, deployment: PathName, response: Response) -> DeploymentView:
    """One deployment; its `ETag` is its current release."""
    found = verbs.deployments.deployment(caller, deployment)
    response.headers["ETag"] = etag(found.current.number)
    return _view(verbs.followers.heard(), found)


@router.get("/{deployment}/openapi.json")
def describe(caller: Reader, verbs: Verbs, deployment: PathName) -> dict[str, Any]:
    """How the deployment is asked: OpenAPI 3.1, as serving gives it."""
    return verbs.descriptions.usage(caller, deployment).document


@router.delete("/{deployment}", status_code=204)
def delete(caller: Deployer, verbs: Verbs, deployment: PathName, if_match: IfMatch) -> None:
    """Delete a deployment; its trail stays."""
    verbs.deployments.delete(caller, deployment, Expected(matches=if_match))


@router.post("/{deployment}/releases", status_code=201)
def change(
    *,
    caller: Releaser,
    verbs: Verbs,
    deployment: PathName,
    body: ReleaseRequest,
    if_match: IfMatch,
    response: Response,
) -> ReleaseView:
    """Change a deployment."""
    expected = Expected(body.expected_release, if_match)
    made = verbs.deployments.change(caller, deployment, _change(body), expected)
    response.headers["ETag"] = etag(made.number)
    return release_view(made)


@router.get("/{deployment}/releases")
def list_releases(
    *,
    caller: Reader,
    verbs: Verbs,
    deployment: PathName,
    asked: Asked,
    request: Request,
    response: Response,
) -> Page[ReleaseView]:
    """Releases, newest first."""
    found = verbs.deployments.releases(caller, deployment, asked)
    return page_of(found, release_view, request, response)


def _view(heard: Heard, deployment: Deployment) -> DeploymentView:
    standing = heard.standing(deployment.name, deployment.current.number)
    return deployment_view(deployment, standing)


def _draft(body: DeploymentRequest) -> Draft:
    return Draft(
        name=body.name,
        model=body.model,
        setting=Setting(body.main, body.challengers, body.policy),
        access=body.access,
        description=body.description,
        reason=body.reason,
    )


def _change(body: ReleaseRequest) -> Change:
    return Change(
        kind=body.kind,
        version=body.version,
        release=body.release,
        former_main=body.former_main,
        reason=body.reason,
        policy=body.policy,
        evidence=body.evidence,
    )
