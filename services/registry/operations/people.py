"""Users: made by administrators, or when an identity provider vouches for them."""

from dataclasses import dataclass

from services.registry.domain.audit import SYSTEM, Action, Entry
from services.registry.domain.errors import NameTakenError
from services.registry.domain.paging import Paging, Slice
from services.registry.domain.people import Membership, User, UserChange, require_good_password
from services.registry.domain.people_refusals import (
    PasswordRefusedError,
    SignInFailedError,
    WrongPasswordError,
)
from services.registry.operations.issued import Issued
from services.registry.operations.reach import Clock, not_found, require_whole
from services.registry.operations.sessions import Sessions, SignedIn, actor_of
from services.registry.ports.people import Passwords, PeopleStore
from understudy.contracts.vocabulary import Scope
from understudy.runtime.keys import Caller, ForbiddenError


@dataclass(frozen=True, slots=True)
class NewUser:
    """The user that somebody asks for."""

    name: str
    display_name: str = ""
    admin: bool = False
    password: str | None = None
    identity: str | None = None


class People:
    """Who there is."""

    def __init__(
        self,
        *,
        store: PeopleStore,
        sessions: Sessions,
        passwords: Passwords,
        issued: Issued,
        clock: Clock,
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._passwords = passwords
        self._issued = issued
        self._clock = clock

    def make(self, caller: Caller, new: NewUser) -> User:
        """Raises NameTakenError, PasswordRefusedError or HashingBusyError."""
        require_whole(caller, "Making a user")
        user = self._made(new)
        self._store.add(user, self._entry(caller.actor, Action.MAKE_USER, user))
        return user

    def make_first(self, new: NewUser) -> User:
        """An administrator, on the word of whoever runs the installation.

        Raises AdministratorExistsError when there is one.
        """
        user = self._made(new)
        self._store.add_first(user, self._entry(SYSTEM, Action.MAKE_USER, user))
        return user

    def make_another(self, new: NewUser) -> User:
        """The same although there is an administrator: for who is locked out."""
        user = self._made(new)
        self._store.add(user, self._entry(SYSTEM, Action.MAKE_USER, user))
        return user

    def user(self, caller: Caller, name: str) -> User:
        """Oneself, or anybody for an administrator. Raises NotFoundError."""
        found = self._store.find(name)
        administers = caller.wanting(Scope.ADMIN).whole
        if found is None or not (administers or caller.actor == actor_of(name)):
            raise not_found("user", name)
        return found

    def page(self, caller: Caller, paging: Paging) -> Slice[User]:
        """Everybody, by name."""
        require_whole(caller, "Listing users")
        return self._store.page(paging)

    def memberships(self, name: str) -> tuple[Membership, ...]:
        """What a user is in projects."""
        return self._store.memberships(name)

    def change(self, caller: Caller, name: str, change: UserChange) -> User:
        """Raises NotFoundError or LastAdministratorError; who is disabled is signed out at once.

        Keys that the user issued and may not issue by now are revoked.
        """
        require_whole(caller, "Changing a user")
        if self._store.find(name) is None:
            raise not_found("user", name)
        entry = Entry(self._clock(), caller.actor, Action.CHANGE_USER, name, details=change.details)
        changed = self._store.change(name, change, entry)
        self._issued.review(name, caller.actor)
        return changed

    def set_password(
        self, caller: Caller, name: str, password: str, old: str | None, address: str | None = None
    ) -> User:
        """One's own, knowing the old one, or anybody's for an administrator. Ends all sessions.

        Raises WrongPasswordError, PasswordRefusedError, TooManyAttemptsError or HashingBusyError.
        """
        user = self.user(caller, name)
        require_good_password(name, password)
        if caller.actor == actor_of(name):
            self._require_old(user, password, old, address)
        with self._passwords.turn() as hashing:
            hashed = hashing.hash(password)
        entry = Entry(self._clock(), caller.actor, Action.SET_PASSWORD, name)
        self._store.set_password(name, hashed, entry)
        return user

    def sign_in_by_identity(self, identity: str, name: str, display_name: str) -> SignedIn:
        """Open a session for who has that identity at a provider; the first time, make the user.

        A user of that name who signs in otherwise is somebody else: NameTakenError.
        """
        user = self._store.of_identity(identity)
        if user is None:
            user = self._made(NewUser(name, display_name, identity=identity))
            try:
                self._store.add(user, self._entry(actor_of(name), Action.MAKE_USER, user))
            except NameTakenError as error:
                user = self._store.of_identity(identity)  # made by a sign-in at the same time
                if user is None:
                    raise NameTakenError(
                        f"There is a user '{name}' already, who signs in in another way; ask an "
                        "administrator."
                    ) from error
        return self._sessions.open(user)

    def _made(self, new: NewUser) -> User:
        hashed = None
        if new.password is not None:
            require_good_password(new.name, new.password)
            with self._passwords.turn() as hashing:
                hashed = hashing.hash(new.password)
        return User(
            name=new.name,
            display_name=new.display_name or new.name,
            admin=new.admin,
            created_at=self._clock(),
            password=hashed,
            identity=new.identity,
        )

    def _require_old(self, user: User, password: str, old: str | None, address: str | None) -> None:
        if user.password is None:
            raise ForbiddenError("You sign in elsewhere; an administrator may set a password.")
        if old is None:
            raise WrongPasswordError("Your own password is changed by who knows the old one.")
        if password == old:
            raise PasswordRefusedError("The new password is the old one.")
        try:
            self._sessions.verified(user.name, user, old, address)
        except SignInFailedError as error:
            raise WrongPasswordError("That is not your password.") from error

    def _entry(self, actor: str, action: Action, user: User) -> Entry:
        details = {
            "display_name": user.display_name,
            "admin": user.admin,
            "password": user.password is not None,
            "identity": user.identity,
        }
        return Entry(self._clock(), actor, action, user.name, details=details)
