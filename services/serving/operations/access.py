"""Who may ask what."""

from collections.abc import Sequence

from services.serving.domain.errors import UnknownDeploymentError
from services.serving.domain.table import Deployment
from understudy.contracts.vocabulary import AccessLevel, Scope
from understudy.runtime.keys import Caller, ForbiddenError


def check_access(
    found: Deployment | None,
    name: str,
    caller: Caller,
    scopes: Sequence[Scope],
) -> Deployment:
    """The deployment, when the caller may use it with one of the scopes.

    Deployments that the caller doesn't reach look like those that don't exist.
    """
    if found is None:
        raise UnknownDeploymentError(name)
    usable, held = scopes, caller.scopes_at(found.name, found.project)
    if not held:
        # Access levels speak of predictions alone: everything else is within a key's reach only.
        open_for_all = found.access is not AccessLevel.PROJECT
        usable = [scope for scope in scopes if scope is Scope.PREDICT and open_for_all]
        held = caller.scopes
    if not usable:
        raise UnknownDeploymentError(name)
    if held.isdisjoint((*usable, Scope.ADMIN)):
        raise ForbiddenError(f"The key is valid but lacks the scope {' or '.join(usable)}.")
    return found


def check_installation_access(caller: Caller, scope: Scope) -> None:
    """Raises unless the caller has the scope for everything that is installed."""
    if not caller.may(scope):
        raise ForbiddenError(f"The key is valid but lacks the scope {scope} for the installation.")
