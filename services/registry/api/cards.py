"""Model cards."""

from fastapi import APIRouter

from services.registry.api.edge import PathName, PathNumber, Reader, Verbs
from understudy.contracts.cards import ModelCard

router = APIRouter(prefix="/v1/models/{model}/versions/{version}")


@router.get("/card")
def show_card(caller: Reader, verbs: Verbs, model: PathName, version: PathNumber) -> ModelCard:
    """The version's model card, from its records as they are now."""
    return verbs.cards.card(caller, model, version)
