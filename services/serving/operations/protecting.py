"""Protected attributes as events of the log: apart from rows, models and lines of the log file."""

from collections.abc import Mapping, Sequence

from understudy.contracts.events import ProtectedEvent


def protected_events(
    ids: Sequence[str], attributes: Sequence[Mapping[str, str]], received_at: float
) -> Sequence[ProtectedEvent]:
    """One for each prediction of which something is told."""
    if not attributes:
        return ()
    return [
        ProtectedEvent(prediction_id=name, attributes={**groups}, received_at=received_at)
        for name, groups in zip(ids, attributes, strict=True)
        if groups
    ]
