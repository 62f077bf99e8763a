"""Members: who is what in a project."""

from collections.abc import Collection

from services.registry.domain.audit import Action, Entry
from services.registry.domain.errors import UnknownReferenceError
from services.registry.domain.paging import Paging, Slice
from services.registry.domain.people import Membership
from services.registry.operations.issued import Issued
from services.registry.operations.reach import Clock, not_found, require_able
from services.registry.ports import CatalogueStore
from services.registry.ports.people import PeopleStore
from understudy.contracts.vocabulary import MemberRole
from understudy.runtime.keys import Caller


class Members:
    """The roles of people in projects."""

    def __init__(
        self, store: PeopleStore, catalogue: CatalogueStore, issued: Issued, clock: Clock
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._issued = issued
        self._clock = clock

    def page(self, caller: Caller, project: str, paging: Paging) -> Slice[Membership]:
        """By user. Raises NotFoundError or ForbiddenError."""
        self._require(caller, project)
        return self._store.members(project, paging)

    def put(
        self, caller: Caller, project: str, user: str, roles: Collection[MemberRole]
    ) -> Membership:
        """Give a user these roles and no others. Raises UnknownReferenceError among others."""
        self._require(caller, project)
        if self._store.find(user) is None:
            raise UnknownReferenceError("/user", f"There is no user '{user}'.")
        made = Membership(project, user, frozenset(roles), self._clock())
        details = {"user": user, "roles": sorted(role.value for role in made.roles)}
        entry = Entry(made.created_at, caller.actor, Action.PUT_MEMBER, project, details=details)
        self._store.put_member(made, entry)
        self._issued.review(user, caller.actor)
        return made

    def remove(self, caller: Caller, project: str, user: str) -> None:
        """Raises NotFoundError when the user is no member."""
        self._require(caller, project)
        entry = Entry(
            self._clock(), caller.actor, Action.REMOVE_MEMBER, project, details={"user": user}
        )
        if not self._store.remove_member(project, user, entry):
            raise not_found("member", user)
        self._issued.review(user, caller.actor)

    def _require(self, caller: Caller, project: str) -> None:
        if self._catalogue.project(project) is None:
            raise not_found("project", project)
        require_able(caller, "project", project, project=project)
