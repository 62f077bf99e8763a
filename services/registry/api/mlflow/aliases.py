"""`registered-models/alias`: `champion` and `challenger` are parts in a release."""

from fastapi import APIRouter

from services.registry.api.edge import Reader, Releaser, Verbs
from services.registry.api.mlflow.answers import Answer, version_answer
from services.registry.api.mlflow.bodies import AliasDeleted, AliasSet, QueryName, QueryText
from services.registry.api.mlflow.errors import REFUSED

router = APIRouter(prefix="/api/2.0/mlflow/registered-models/alias", responses=REFUSED)


@router.post("")
def set_alias(caller: Releaser, verbs: Verbs, body: AliasSet) -> Answer:
    """Make the release that gives a version that part."""
    verbs.mlflow.aliases.put(caller, body.name, body.alias, body.version)
    return {}


@router.delete("")
def delete_alias(caller: Releaser, verbs: Verbs, body: AliasDeleted) -> Answer:
    """Withdraw the challenger."""
    verbs.mlflow.aliases.remove(caller, body.name, body.alias)
    return {}


@router.get("")
def get_by_alias(caller: Reader, verbs: Verbs, name: QueryName, alias: QueryText) -> Answer:
    """The version that plays the part now."""
    return {"model_version": version_answer(verbs.mlflow.shown.by_alias(caller, name, alias))}
