"""The verbs of the registry, one module per noun.

Every verb takes the caller and checks its reach; its scope was checked at the door.
"""

from dataclasses import dataclass

from services.registry.operations.annotations import Annotations
from services.registry.operations.cards import Cards
from services.registry.operations.catalogue import Catalogue
from services.registry.operations.deployments import Deployments
from services.registry.operations.describing import Descriptions, Reached, Usage
from services.registry.operations.figures import Measures
from services.registry.operations.files import Files
from services.registry.operations.followers import Followers
from services.registry.operations.gate import Gate
from services.registry.operations.gate_policies import GatePolicies
from services.registry.operations.history import History
from services.registry.operations.identities import Identities
from services.registry.operations.issued import Issued
from services.registry.operations.jobs import Jobs
from services.registry.operations.keys import Keys
from services.registry.operations.members import Members
from services.registry.operations.mlflow import Mlflow
from services.registry.operations.people import People
from services.registry.operations.registration import Registration
from services.registry.operations.replies import Replies
from services.registry.operations.reviews import Reviews
from services.registry.operations.sessions import Sessions
from services.registry.operations.snapshots import Snapshots
from services.registry.operations.tokens import Tokens
from services.registry.operations.trail import Trail
from services.registry.operations.trust import Trust

__all__ = [
    "Annotations",
    "Cards",
    "Catalogue",
    "Deployments",
    "Descriptions",
    "Files",
    "Followers",
    "Gate",
    "GatePolicies",
    "History",
    "Identities",
    "Issued",
    "Jobs",
    "Keys",
    "Measures",
    "Members",
    "Mlflow",
    "Operations",
    "People",
    "Reached",
    "Registration",
    "Replies",
    "Reviews",
    "Sessions",
    "Snapshots",
    "Tokens",
    "Trail",
    "Trust",
    "Usage",
]


@dataclass(frozen=True, slots=True)
class Operations:
    """All that the registry does."""

    catalogue: Catalogue
    registration: Registration
    reviews: Reviews
    cards: Cards
    gate: Gate
    gates: GatePolicies
    files: Files
    deployments: Deployments
    descriptions: Descriptions
    keys: Keys
    trail: Trail
    history: History
    trust: Trust
    snapshots: Snapshots
    followers: Followers
    measures: Measures
    people: People
    members: Members
    sessions: Sessions
    tokens: Tokens
    identities: Identities | None
    """None where nobody signs in at an identity provider."""
    replies: Replies
    annotations: Annotations
    mlflow: Mlflow
    jobs: Jobs
    review_jobs: Jobs
    """A line of their own, so that registrations don't wait for reviews; `jobs` finds them too."""
