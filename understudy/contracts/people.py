"""Bodies about people: users, what they are in projects, and their sessions."""

from typing import Annotated, Final

from pydantic import AwareDatetime, Field, PlainSerializer, SecretStr, StrictBool, StringConstraints

from understudy.contracts.limits import Limits
from understudy.contracts.registry import Body, Name, ShortText
from understudy.contracts.vocabulary import MemberRole, Scope

USER_PATTERN: Final = r"^[a-z0-9][a-z0-9._@+-]{0,126}$"

UserName = Annotated[str, StringConstraints(pattern=USER_PATTERN)]
Identity = Annotated[
    str, StringConstraints(min_length=3, max_length=500, pattern=r"^[!-~]+ [!-~]+$")
]
"""Who somebody is at an identity provider: its issuer, a space, the subject."""
Password = Annotated[
    SecretStr,
    Field(min_length=1, max_length=1_000),
    PlainSerializer(SecretStr.get_secret_value, when_used="json"),
]
"""What a good one is the registry says. Shown nowhere, and sent in the clear."""
Roles = Annotated[tuple[MemberRole, ...], Field(min_length=1, max_length=5)]


class UserRequest(Body):
    """`POST /v1/users`. Without a password they sign in at the identity provider alone."""

    name: UserName
    display_name: ShortText | None = None
    admin: StrictBool = False
    password: Password | None = None
    identity: Identity | None = None


class UserChangeRequest(Body):
    """`PATCH /v1/users/{name}`: what is not there stays as it is."""

    display_name: ShortText | None = None
    admin: StrictBool | None = None
    disabled: StrictBool | None = None


class PasswordRequest(Body):
    """`PUT /v1/users/{name}/password`; the old one is asked of who changes their own."""

    password: Password
    old_password: Password | None = None


class MemberRequest(Body):
    """`PUT /v1/projects/{project}/members/{user}`: these roles and no others."""

    roles: Roles


class MemberView(Body):
    """What somebody is in a project."""

    project: Name
    user: UserName
    roles: tuple[MemberRole, ...]


class UserView(Body):
    """A user, without anything of the password."""

    name: UserName
    display_name: str
    admin: bool
    has_password: bool
    identity: str | None = None
    created_at: AwareDatetime
    disabled_at: AwareDatetime | None = None
    memberships: tuple[MemberView, ...] = ()
    """Told of one user, not in lists."""


class GrantView(Body):
    """What somebody may do: in a project, for a deployment, or everywhere."""

    scopes: tuple[Scope, ...]
    project: Name | None = None
    deployment: Name | None = None


class MeView(Body):
    """`GET /v1/me`: whom a key or a session belongs to."""

    actor: str
    """A key's id, or `user:<name>`; so the audit trail names them."""
    user: UserView | None = None
    grants: tuple[GrantView, ...]
    limits: Limits | None = None
    csrf_token: str | None = None
    """Of a session: what changes repeat in `X-CSRF-Token`."""


class SignInRequest(Body):
    """`POST /v1/sessions`."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    password: Password


class SessionView(Body):
    """A session that was opened; what the cookie holds is in no body."""

    user: UserName
    csrf_token: str
    expires_in_seconds: int
