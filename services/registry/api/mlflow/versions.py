"""`model-versions/*`: our immutable versions."""

from typing import Annotated

from fastapi import APIRouter, Depends

from services.registry.api.edge import Reader, Registrar, Releaser, Verbs
from services.registry.api.mlflow.answers import Answer, version_answer
from services.registry.api.mlflow.bodies import (
    QueryName,
    QueryVersion,
    VersionDescribed,
    VersionMade,
    VersionName,
    VersionTagDeleted,
    VersionTagSet,
    search_of,
    tags_of,
)
from services.registry.api.mlflow.errors import REFUSED
from services.registry.domain.mlflow_refusals import ImmutableError, StagesNotSupportedError
from services.registry.operations import Operations
from services.registry.operations.mlflow_catalogue import Search
from services.registry.operations.mlflow_registering import Origin
from services.registry.operations.sources import Wanted
from understudy.runtime.keys import Caller

router = APIRouter(prefix="/api/2.0/mlflow/model-versions", responses=REFUSED)


@router.post("/create")
def create(caller: Registrar, verbs: Verbs, body: VersionMade) -> Answer:
    """Register what the source leads to; it is pending then."""
    wanted = Wanted(body.name, body.source, body.description or "", tags_of(body.tags))
    origin = Origin(body.source, body.run_id, body.run_link, body.model_id)
    made = verbs.mlflow.registering.register(caller, wanted, origin)
    return _version(caller, verbs, body.name, made.number)


@router.get("/get")
def get(caller: Reader, verbs: Verbs, name: QueryName, version: QueryVersion) -> Answer:
    """One version."""
    return {"model_version": version_answer(verbs.mlflow.shown.version(caller, name, version))}


@router.get("/search")
def search(caller: Reader, verbs: Verbs, asked: Annotated[Search, Depends(search_of)]) -> Answer:
    """Versions that a filter holds for."""
    found = verbs.mlflow.shown.versions(caller, asked)
    answer: Answer = {"model_versions": [version_answer(one) for one in found.items]}
    return answer if found.next_cursor is None else answer | {"next_page_token": found.next_cursor}


@router.get("/get-download-uri")
def download_uri(caller: Reader, verbs: Verbs, name: QueryName, version: QueryVersion) -> Answer:
    """Where its files are."""
    return {"artifact_uri": verbs.mlflow.files.uri(caller, name, version)}


@router.patch("/update")
def update(caller: Registrar, verbs: Verbs, body: VersionDescribed) -> Answer:
    """Say something else about a version."""
    verbs.annotations.describe(caller, body.name, body.version, body.description or "")
    return _version(caller, verbs, body.name, body.version)


@router.post("/transition-stage")
def transition(caller: Releaser, verbs: Verbs, body: VersionName) -> Answer:
    """Refused: MLflow has given stages up for aliases, and so had we."""
    del caller, verbs
    raise StagesNotSupportedError(
        f"Version {body.name}/{body.version} has no stage to leave: set the alias 'champion' or "
        "'challenger' instead."
    )


@router.delete("/delete")
def delete(caller: Registrar, verbs: Verbs, body: VersionName) -> Answer:
    """Refused: what was predicted refers to it."""
    found = verbs.catalogue.version(caller, body.name, body.version)
    raise ImmutableError(
        f"Version {found.title} stays: releases, predictions and the trail refer to it. End its "
        "review with 'ignore' to keep it out of deployments."
    )


@router.post("/set-tag")
def set_tag(caller: Registrar, verbs: Verbs, body: VersionTagSet) -> Answer:
    """Set a tag."""
    verbs.annotations.put(caller, body.name, body.version, {body.key: body.value})
    return {}


@router.delete("/delete-tag")
def delete_tag(caller: Registrar, verbs: Verbs, body: VersionTagDeleted) -> Answer:
    """Delete a tag."""
    verbs.annotations.remove(caller, body.name, body.version, body.key)
    return {}


def _version(caller: Caller, verbs: Operations, name: str, number: int) -> Answer:
    return {"model_version": version_answer(verbs.mlflow.shown.version(caller, name, number))}
