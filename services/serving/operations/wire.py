"""Answers as entries of the log carry them."""

from understudy.contracts.events import Scores, pack
from understudy.contracts.signature import Target
from understudy.inference.scored import Scored


def scores_of(target: Target, scored: Scored) -> Scores:
    """What one version answered, in the classes of the target."""
    found = scored.probabilities
    return Scores(
        values=pack(scored.values),
        probabilities=b"" if found is None else pack(found),
        classes=target.classes,
    )
