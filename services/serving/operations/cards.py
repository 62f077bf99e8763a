"""What is said of a deployment to those who may know of it."""

from dataclasses import dataclass, field

from services.serving.domain.errors import NotLoadedError
from services.serving.domain.table import Deployment, Live
from understudy.contracts.policy import Policy
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import AccessLevel


@dataclass(frozen=True, slots=True)
class Card:
    """What a page or a description of the interface shows of a deployment."""

    name: str
    description: str
    access: AccessLevel
    model: str
    version: int
    signature: Signature
    policy: Policy = field(default_factory=Policy)


def card_of(found: Deployment) -> Card:
    """Raises NotLoadedError while nothing answers."""
    version, signature, policy = _answering(found)
    return Card(
        found.name, found.description, found.access, found.model, version, signature, policy
    )


def live_of(found: Deployment) -> Live:
    """The release that answers. Raises NotLoadedError."""
    if found.live is None:
        raise NotLoadedError(found.name, failed=found.failure is not None)
    return found.live


def _answering(found: Deployment) -> tuple[int, Signature, Policy]:
    """What can be said of the release that answers, whether or not its model is in memory."""
    if (asleep := found.asleep) is not None:
        return asleep.version, asleep.signature, asleep.policy
    live = live_of(found)
    return live.main.version, live.main.signature, live.policy
