"""The terms on which a version is judged while it is main."""

from services.monitor.domain.deciding.terms import Terms, resolve
from services.monitor.ports import References
from understudy.contracts.registry import DeploymentSnapshot, ServedVersion
from understudy.contracts.vocabulary import Task


async def terms_of(
    deployment: DeploymentSnapshot, served: ServedVersion, references: References
) -> Terms:
    """By the policy of the current release, and the target in the version's reference sample."""
    target, deviation = served.signature.target, None
    if target.task is Task.REGRESSION:
        deviation = (await references.profile(served)).output.deviation
    return resolve(deployment.policy.judging.comparison, target, deviation)


async def known_terms(deployment: DeploymentSnapshot, references: References) -> dict[str, Terms]:
    """Of each served version, were it main, by fingerprint: whose tallies can be read."""
    found = [await terms_of(deployment, one, references) for one in deployment.versions]
    return {terms.fingerprint: terms for terms in found}
