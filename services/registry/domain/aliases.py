"""MLflow's aliases as what they say here: which part a version plays in a deployment now."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

from services.registry.domain.annotations import Tags
from services.registry.domain.deployments import Deployment
from services.registry.domain.mlflow_refusals import AliasNotKnownError
from services.registry.domain.releases import Change, Setting
from understudy.contracts.vocabulary import ReleaseKind

DEPLOYMENT_TAG: Final = "understudy.deployment"
"""A model's tag that names the deployment which its aliases speak of."""


class Alias(StrEnum):
    """The closed set."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"


def alias_of(text: str) -> Alias:
    """Raises AliasNotKnownError."""
    try:
        return Alias(text)
    except ValueError as error:
        raise AliasNotKnownError(text) from error


def spoken_of(model: str, tags: Tags, deployments: Sequence[Deployment]) -> Deployment | None:
    """Which of a model's deployments its aliases speak of.

    The one that its tag names, else the one named like the model, else the only one.
    """
    named = tags.get(DEPLOYMENT_TAG, model)
    for held in deployments:
        if held.name == named:
            return held
    only = len(deployments) == 1 and DEPLOYMENT_TAG not in tags
    return deployments[0] if only else None


def in_force(setting: Setting) -> Mapping[Alias, int]:
    """Of several challengers, the newest has the alias."""
    found = {Alias.CHAMPION: setting.main}
    return found | {Alias.CHALLENGER: setting.challengers[-1]} if setting.challengers else found


def aliases_at(setting: Setting, version: int) -> tuple[Alias, ...]:
    """A version's own: every challenger is one."""
    if version == setting.main:
        return (Alias.CHAMPION,)
    return (Alias.CHALLENGER,) if version in setting.challengers else ()


def setting_alias(setting: Setting, alias: Alias, version: int) -> Change:
    """The change that makes the alias the version's."""
    if alias is Alias.CHALLENGER:
        kind = ReleaseKind.CHALLENGE
    else:
        promotes = version in setting.challengers
        kind = ReleaseKind.PROMOTE if promotes else ReleaseKind.DEPLOY
    return Change(kind, version, reason=f"alias {alias} set by an MLflow client")
