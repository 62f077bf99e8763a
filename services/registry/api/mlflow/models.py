"""`registered-models/*`: our models."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from services.registry.api.edge import Reader, Registrar, Tagger, Verbs
from services.registry.api.mlflow.answers import Answer, model_answer, version_answer
from services.registry.api.mlflow.bodies import (
    Described,
    LatestAsked,
    ModelMade,
    ModelName,
    QueryName,
    Stage,
    TagDeleted,
    TagSet,
    search_of,
    tags_of,
)
from services.registry.api.mlflow.errors import REFUSED
from services.registry.domain.annotations import MODEL
from services.registry.domain.mlflow_refusals import ImmutableError, StagesNotSupportedError
from services.registry.operations import Operations
from services.registry.operations.mlflow_catalogue import Search
from understudy.runtime.keys import Caller

router = APIRouter(prefix="/api/2.0/mlflow/registered-models", responses=REFUSED)

_NO_STAGE = frozenset({"none", ""})


@router.post("/create")
def create(caller: Registrar, verbs: Verbs, body: ModelMade) -> Answer:
    """Make a model in the project that a tag names, or in the only one of the caller's."""
    tags = tags_of(body.tags)
    verbs.mlflow.registering.make_model(caller, body.name, body.description or "", tags)
    return _model(caller, verbs, body.name)


@router.get("/get")
def get(caller: Reader, verbs: Verbs, name: QueryName) -> Answer:
    """One model."""
    return {"registered_model": model_answer(verbs.mlflow.shown.model(caller, name))}


@router.get("/search")
def search(caller: Reader, verbs: Verbs, asked: Annotated[Search, Depends(search_of)]) -> Answer:
    """Models that a filter holds for."""
    found = verbs.mlflow.shown.models(caller, asked)
    answer: Answer = {"registered_models": [model_answer(one) for one in found.items]}
    return answer if found.next_cursor is None else answer | {"next_page_token": found.next_cursor}


@router.patch("/update")
def update(caller: Registrar, verbs: Verbs, body: Described) -> Answer:
    """Say something else about a model."""
    verbs.annotations.describe(caller, body.name, MODEL, body.description or "")
    return _model(caller, verbs, body.name)


@router.post("/rename")
def rename(caller: Registrar, verbs: Verbs, body: ModelName) -> Answer:
    """Refused: deployments, keys and the trail name it."""
    verbs.catalogue.model(caller, body.name)
    raise ImmutableError(f"Model '{body.name}' keeps its name; make another model instead.")


@router.delete("/delete")
def delete(caller: Registrar, verbs: Verbs, body: ModelName) -> Answer:
    """Refused: what was predicted refers to its versions."""
    verbs.catalogue.model(caller, body.name)
    raise ImmutableError(
        f"Model '{body.name}' stays: releases, predictions and the trail refer to its versions."
    )


@router.post("/set-tag")
def set_tag(caller: Tagger, verbs: Verbs, body: TagSet) -> Answer:
    """Set a tag."""
    verbs.annotations.put(caller, body.name, MODEL, {body.key: body.value})
    return {}


@router.delete("/delete-tag")
def delete_tag(caller: Tagger, verbs: Verbs, body: TagDeleted) -> Answer:
    """Delete a tag."""
    verbs.annotations.remove(caller, body.name, MODEL, body.key)
    return {}


@router.post("/get-latest-versions")
def latest_versions(caller: Reader, verbs: Verbs, body: LatestAsked) -> Answer:
    """The newest version: all of them are in no stage."""
    return _latest(caller, verbs, body.name, body.stages)


@router.get("/get-latest-versions")
def latest_versions_of(
    caller: Reader,
    verbs: Verbs,
    name: QueryName,
    stages: Annotated[tuple[Stage, ...], Query(max_length=10)] = (),
) -> Answer:
    """As older clients ask for it."""
    return _latest(caller, verbs, name, stages)


def _latest(caller: Caller, verbs: Operations, name: str, stages: tuple[str, ...]) -> Answer:
    found = verbs.mlflow.shown.model(caller, name).latest
    if any(stage.lower() not in _NO_STAGE for stage in stages):
        raise StagesNotSupportedError(
            "Versions have no stages here. Ask for the alias 'champion' or 'challenger', or for "
            "versions whose tag 'understudy.state' is pending, deployed, persisted or ignored."
        )
    return {"model_versions": [] if found is None else [version_answer(found)]}


def _model(caller: Caller, verbs: Operations, name: str) -> Answer:
    return {"registered_model": model_answer(verbs.mlflow.shown.model(caller, name))}
