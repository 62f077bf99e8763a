"""What is known of a deployment that is described."""

from dataclasses import dataclass

from understudy.contracts.policy import Policy
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import AccessLevel


@dataclass(frozen=True, slots=True)
class Described:
    """A deployment, and the version that answers."""

    name: str
    description: str
    access: AccessLevel
    model: str
    version: int
    signature: Signature
    policy: Policy
