"""What MLflow's clients send: proto3 JSON; members that are not known here are passed over."""

from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from services.registry.domain.annotations import MAX_TAGS
from services.registry.operations.mlflow_catalogue import Search
from understudy.contracts.registry import MAX_NUMBER, Name, Text

VersionNumber = Annotated[int, Field(ge=1, le=MAX_NUMBER)]
"""Text on the wire."""
Key = Annotated[str, Field(max_length=1_000)]
Value = Annotated[str, Field(max_length=100_000)]
Uri = Annotated[str, Field(max_length=4_000)]
Id = Annotated[str, Field(max_length=1_000)]
Stage = Annotated[str, Field(max_length=64)]

QueryName = Annotated[Name, Query()]
QueryVersion = Annotated[VersionNumber, Query()]
QueryText = Annotated[str, Query(max_length=1_000)]


class Body(BaseModel):
    """Newer clients send more than older ones."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Tag(Body):
    """One of those that something is made with."""

    key: Key
    value: Value = ""


Tags = Annotated[tuple[Tag, ...], Field(max_length=MAX_TAGS)]


class ModelName(Body):
    """Names a model, and says no more that matters here."""

    name: Name


class ModelMade(ModelName):
    """`registered-models/create`."""

    tags: Tags = ()
    description: Text | None = None


class Described(ModelName):
    """`registered-models/update`."""

    description: Text | None = None


class TagSet(ModelName):
    """`registered-models/set-tag`."""

    key: Key
    value: Value = ""


class TagDeleted(ModelName):
    """`registered-models/delete-tag`."""

    key: Key


class AliasDeleted(ModelName):
    """`DELETE registered-models/alias`."""

    alias: Id


class AliasSet(AliasDeleted):
    """`POST registered-models/alias`."""

    version: VersionNumber


class LatestAsked(ModelName):
    """`registered-models/get-latest-versions`."""

    stages: tuple[Stage, ...] = ()


class VersionMade(ModelName):
    """`model-versions/create`."""

    source: Uri
    run_id: Id | None = None
    run_link: Uri | None = None
    model_id: Id | None = None
    tags: Tags = ()
    description: Text | None = None


class VersionName(ModelName):
    """Names a version."""

    version: VersionNumber


class VersionDescribed(VersionName):
    """`model-versions/update`."""

    description: Text | None = None


class VersionTagSet(VersionName):
    """`model-versions/set-tag`."""

    key: Key
    value: Value = ""


class VersionTagDeleted(VersionName):
    """`model-versions/delete-tag`."""

    key: Key


def tags_of(tags: tuple[Tag, ...]) -> dict[str, str]:
    """By name; of two of one name the later counts."""
    return {tag.key: tag.value for tag in tags}


def search_of(
    text: Annotated[str, Query(alias="filter")] = "",
    max_results: Annotated[int, Query(ge=1, le=200_000)] = 100,
    order_by: Annotated[tuple[str, ...], Query(max_length=10)] = (),
    page_token: Annotated[str, Query(max_length=200)] = "",
) -> Search:
    """One page has fewer than were asked for when they were more than is good for anybody."""
    return Search(text, order_by, min(max_results, _MOST), page_token or None)


_MOST = 10_000
