"""Which rows are within reach, in SQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, true

from services.registry.domain.access import Reach


def within(
    reaches: Sequence[Reach],
    project: ColumnElement[Any],
    deployment: ColumnElement[Any] | None = None,
) -> ColumnElement[bool]:
    """Rows of a project, or of a deployment where they belong to one, that one of them covers."""
    return or_(false(), *(_within(reach, project, deployment) for reach in reaches))


def _within(
    reach: Reach, project: ColumnElement[Any], deployment: ColumnElement[Any] | None
) -> ColumnElement[bool]:
    found: list[ColumnElement[bool]] = []
    if reach.project is not None:
        found.append(project == reach.project)
    if reach.deployment is not None:
        found.append(false() if deployment is None else deployment == reach.deployment)
    return and_(true(), *found)
