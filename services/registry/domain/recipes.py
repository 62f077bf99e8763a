"""A persisted version freezes its recipe: what was scheduled to train predicts from then on."""

from services.registry.domain.errors import RecipeFrozenError
from services.registry.domain.versions import VersionDraft
from understudy.contracts.refusals import FieldError


def require_thawed(draft: VersionDraft, frozen_by: int | None) -> None:
    """Refuse what a scheduled run has trained meanwhile. Raises RecipeFrozenError."""
    if frozen_by is None or draft.lineage.run is None:
        return
    detail = (
        f"Version {draft.model}/{frozen_by} was persisted, which froze its recipe: scheduled runs "
        f"of '{draft.model}' train no more. Leave 'run' out to register what a person has trained."
    )
    raise RecipeFrozenError(detail, FieldError("/lineage/run", detail))
