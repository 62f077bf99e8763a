"""How signing in, people and their passwords are refused. A class's docstring says when."""

from typing import ClassVar

from services.registry.domain.errors import NameTakenError
from understudy.contracts.refusals import Fault, FieldError, Refusal


class SignInFailedError(Refusal):
    """Name and password do not belong together, or the user is unknown or disabled: all alike."""

    fault: ClassVar = Fault.UNAUTHENTICATED
    code: ClassVar = "sign_in_failed"

    def __init__(self) -> None:
        super().__init__("Name and password do not belong together.")


class TooManyAttemptsError(Refusal):
    """Too many sign-ins have failed for the name or from the address."""

    fault: ClassVar = Fault.LIMITED
    code: ClassVar = "too_many_attempts"


class HashingBusyError(Refusal):
    """As many passwords are being checked as may be at once."""

    fault: ClassVar = Fault.UNAVAILABLE
    code: ClassVar = "sign_in_busy"

    def __init__(self) -> None:
        super().__init__("Many people are signing in just now; try again.", retry_after=1.0)


class CrossSiteError(Refusal):
    """A page of another site sent the request, or one that does not know the session's token."""

    fault: ClassVar = Fault.FORBIDDEN
    code: ClassVar = "csrf"


class PasswordRefusedError(Refusal):
    """The password is too short, too long, or would soon be guessed."""

    code: ClassVar = "password_refused"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, FieldError("/password", detail))


class WrongPasswordError(Refusal):
    """Whoever changes their own password did not know the one before."""

    code: ClassVar = "wrong_password"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, FieldError("/old_password", detail))


class IdentityTakenError(NameTakenError):
    """A user of another name has that identity at a provider already."""

    code: ClassVar = "identity_taken"

    def __init__(self) -> None:
        detail = "Another user has this identity already; a user has one, and it has one user."
        super().__init__(detail, FieldError("/identity", detail))


class LastAdministratorError(Refusal):
    """Without this one nobody would be left to administer the instance."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "last_administrator"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"'{name}' is the last administrator who may sign in; make another one first."
        )


class AdministratorExistsError(Refusal):
    """The first administrator is there already."""

    fault: ClassVar = Fault.CONFLICT
    code: ClassVar = "administrator_exists"
