"""Keys of people: they hold no more than who issued them holds by now."""

from services.registry.domain.access import Key
from services.registry.domain.audit import Action, Entry
from services.registry.operations.reach import Clock
from services.registry.operations.sessions import actor_of, caller_of
from services.registry.ports import DeploymentStore, KeyStore
from services.registry.ports.people import PeopleStore
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import Caller

_REASON = "Who issued it may no longer do what it does."


class Issued:
    """Revokes what somebody who lost something has issued within it."""

    def __init__(
        self, keys: KeyStore, people: PeopleStore, deployments: DeploymentStore, clock: Clock
    ) -> None:
        self._keys = keys
        self._people = people
        self._deployments = deployments
        self._clock = clock

    def review(self, user: str, by: str) -> None:
        """Revoke the keys of a user that hold more than the user does; `by` is the actor.

        And those that were issued by such keys, as far as they do, too.
        """
        found = self._people.find(user)
        if found is None:
            return
        issuer = caller_of(found, self._people.memberships(user))
        issuers = [actor_of(user)]
        while issuers:
            for key in self._keys.issued_by(issuers.pop()):
                issuers.append(key.id)
                if not self._holds(issuer, key):
                    entry = Entry(self._clock(), by, Action.REVOKE_KEY, key.id, _REASON)
                    self._keys.revoke(key.id, entry)

    def _holds(self, issuer: Caller, key: Key) -> bool:
        project, deployment = key.reach.project, key.reach.deployment
        if deployment is not None and (held := self._deployments.find(deployment)) is not None:
            project = held.project
        scopes = issuer.scopes_at(deployment, project)
        return Scope.ADMIN in scopes or scopes.issuperset(key.scopes)
