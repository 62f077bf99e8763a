"""What one look at a log brought, as the store of outcomes takes it."""

from services.monitor.domain.accounting import Delivery
from services.monitor.domain.outcomes.facts import Incoming
from services.monitor.operations.terms import terms_of
from services.monitor.ports import References
from understudy.contracts.registry import DeploymentSnapshot


async def incoming_of(
    deployment: DeploymentSnapshot, delivery: Delivery, references: References
) -> Incoming:
    """In the terms of the present release, and of the mains that the rows are of."""
    served = deployment.version(deployment.main)
    others = [one for one in deployment.versions if one.version in delivery.mains]
    return Incoming(
        deployment=deployment.name,
        target=served.signature.target,
        terms=await terms_of(deployment, served, references),
        others={one.version: await terms_of(deployment, one, references) for one in others},
        release=deployment.release,
        main=deployment.main,
        first_release=deployment.first_release,
        predictions=delivery.predictions,
        pairs=delivery.pairs,
        labels=delivery.labels,
        protected=delivery.protected,
    )


def beginnings_of(deployment: DeploymentSnapshot) -> list[float]:
    """Since when the release, its main and its couples are judged; seconds since the epoch."""
    main_since = deployment.main_since or deployment.released_at
    couples = (couple.since for couple in deployment.couples)
    return [at.timestamp() for at in (deployment.released_at, main_since, *couples)]
