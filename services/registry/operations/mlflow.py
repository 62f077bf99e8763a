"""What MLflow's protocol asks for, over the verbs that everybody uses."""

from dataclasses import dataclass

from services.registry.domain.staging import StagingLimits
from services.registry.operations.aliases import Aliases
from services.registry.operations.catalogue import Catalogue
from services.registry.operations.deployments import Deployments
from services.registry.operations.mlflow_catalogue import MlflowCatalogue
from services.registry.operations.mlflow_registering import MlflowRegistering
from services.registry.operations.reach import Clock
from services.registry.operations.registration import Registration
from services.registry.operations.sources import Sources
from services.registry.operations.staging import Staging
from services.registry.operations.uploads import Uploads
from services.registry.operations.version_files import VersionFiles
from services.registry.ports import ArtifactStore, Store
from services.registry.ports.staging import Sourcing


@dataclass(frozen=True, slots=True)
class Mlflow:
    """By what is asked for."""

    shown: MlflowCatalogue
    registering: MlflowRegistering
    aliases: Aliases
    staging: Staging
    files: VersionFiles


def over(
    *,
    catalogue: Catalogue,
    registration: Registration,
    deployments: Deployments,
    store: Store,
    artifacts: ArtifactStore,
    uploads: Uploads,
    sourcing: Sourcing,
    limits: StagingLimits,
    clock: Clock,
) -> Mlflow:
    """All of it."""
    staging = Staging(sourcing.staged, limits, clock)
    sources = Sources(
        staging=staging,
        artifacts=artifacts,
        uploads=uploads,
        catalogue=catalogue,
        reader=sourcing.reader,
        clock=clock,
    )
    aliases = Aliases(deployments, store.tags)
    return Mlflow(
        shown=MlflowCatalogue(catalogue, store.tags, aliases),
        registering=MlflowRegistering(catalogue, registration, sources, store.tags),
        aliases=aliases,
        staging=staging,
        files=VersionFiles(catalogue, artifacts, store.state),
    )
