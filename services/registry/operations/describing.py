"""How deployments are asked, as the registry knows it without asking serving."""

from dataclasses import dataclass
from typing import Any

from services.registry.domain.deployments import Deployment
from services.registry.operations.deployments import Deployments
from services.registry.operations.reach import not_found
from services.registry.ports import CatalogueStore
from understudy.describing import Described, document
from understudy.runtime.keys import Caller


@dataclass(frozen=True, slots=True)
class Reached:
    """Where callers outside reach what is deployed; URLs without a slash at the end."""

    serving: str
    grpc: str | None
    """None where nothing is reached by gRPC from outside."""
    tokens: str | None
    """Where keys are exchanged for access tokens; None where they are not."""
    most_rows: int
    """How many rows one request may have there."""


@dataclass(frozen=True, slots=True)
class Usage:
    """A deployment, and what its callers must know."""

    deployment: Deployment
    described: Described
    document: dict[str, Any]
    """OpenAPI 3.1."""


class Descriptions:
    """The signature of the main version under the policy in force, and where it is asked."""

    def __init__(
        self, deployments: Deployments, catalogue: CatalogueStore, reached: Reached
    ) -> None:
        self._deployments = deployments
        self._catalogue = catalogue
        self.reached = reached

    def usage(self, caller: Caller, name: str) -> Usage:
        """For who may read it. Raises NotFoundError, ForbiddenError."""
        found = self._deployments.deployment(caller, name)
        setting = found.current.setting
        version = self._catalogue.version(found.model, setting.main)
        if version is None:  # deleted with all that stood around it, just now
            raise not_found("deployment", name)
        described = Described(
            name=found.name,
            description=found.description,
            access=found.access,
            model=found.model,
            version=setting.main,
            signature=version.draft.signature,
            policy=setting.policy,
        )
        told = document(described, self.reached.most_rows, self.reached.serving)
        return Usage(found, described, told)
