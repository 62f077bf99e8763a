"""What MLflow's clients are answered: proto3 JSON, times in milliseconds, versions as text."""

from typing import Any

from services.registry.domain.annotations import LOGGED_MODEL, RUN, RUN_LINK, SOURCE
from services.registry.domain.mlflow_shown import ShownModel, ShownVersion

Answer = dict[str, Any]


def model_answer(shown: ShownModel) -> Answer:
    """A `RegisteredModel`."""
    return {
        "name": shown.model.name,
        "creation_timestamp": int(shown.model.created_at.timestamp() * 1000),
        "last_updated_timestamp": shown.updated_at,
        "description": shown.description,
        "latest_versions": [] if shown.latest is None else [version_answer(shown.latest)],
        "tags": _tags(shown.shown_tags),
        "aliases": [
            {"alias": alias.value, "version": str(number)}
            for alias, number in shown.aliases.items()
        ],
    }


def version_answer(shown: ShownVersion) -> Answer:
    """A `ModelVersion`. Ready also while it is pending: its files are there, and were inspected."""
    draft = shown.version.draft
    return {
        "name": draft.model,
        "version": str(shown.version.number),
        "creation_timestamp": int(draft.created_at.timestamp() * 1000),
        "last_updated_timestamp": shown.updated_at,
        "user_id": draft.created_by,
        "current_stage": "None",
        "description": shown.description,
        "source": shown.said(SOURCE),
        "run_id": shown.said(RUN),
        "run_link": shown.said(RUN_LINK),
        "model_id": shown.said(LOGGED_MODEL),
        "status": "READY",
        "tags": _tags(shown.shown_tags),
        "aliases": [alias.value for alias in shown.aliases],
    }


def _tags(tags: Any) -> list[Answer]:
    return [{"key": name, "value": value} for name, value in tags.items()]
