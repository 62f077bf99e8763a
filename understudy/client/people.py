"""Users, and what they are in projects."""

from collections.abc import Sequence
from typing import Final

from pydantic import BaseModel, SecretStr

from understudy.client.connection import Connection, segment
from understudy.contracts.people import (
    MemberRequest,
    MemberView,
    MeView,
    PasswordRequest,
    UserChangeRequest,
    UserRequest,
    UserView,
)
from understudy.contracts.vocabulary import MemberRole

_JSON: Final = {"Content-Type": "application/json"}


class PeopleConnection(Connection):
    """The part of the registry that knows people."""

    def me(self) -> MeView:
        """Whom the key belongs to, and what it may do."""
        return self.get("/v1/me", MeView)

    def create_user(self, user: UserRequest) -> UserView:
        """Make a user."""
        return self.post("/v1/users", user, UserView)

    def users(self) -> tuple[UserView, ...]:
        """Everybody."""
        return self.pages("/v1/users", UserView)

    def user(self, name: str) -> UserView:
        """One user, with what they are in projects."""
        return self.get(f"/v1/users/{segment(name)}", UserView)

    def change_user(self, name: str, change: UserChangeRequest) -> UserView:
        """Change a user; who is disabled is signed out at once."""
        answer = self.ask(
            "PATCH", f"/v1/users/{segment(name)}", content=_content(change), headers=_JSON
        )
        return self.read(answer, UserView)

    def set_password(self, name: str, password: str, old_password: str | None = None) -> None:
        """Set a password; the user is signed out everywhere."""
        body = PasswordRequest(
            password=SecretStr(password),
            old_password=None if old_password is None else SecretStr(old_password),
        )
        path = f"/v1/users/{segment(name)}/password"
        self.ask("PUT", path, content=_content(body), headers=_JSON)

    def members(self, project: str) -> tuple[MemberView, ...]:
        """Who is what in a project."""
        return self.pages(f"/v1/projects/{segment(project)}/members", MemberView)

    def set_member(self, project: str, user: str, roles: Sequence[MemberRole]) -> MemberView:
        """Give a user these roles in a project, and no others."""
        path = f"/v1/projects/{segment(project)}/members/{segment(user)}"
        body = MemberRequest(roles=tuple(roles))
        return self.read(self.ask("PUT", path, content=_content(body), headers=_JSON), MemberView)

    def remove_member(self, project: str, user: str) -> None:
        """Take all roles in a project away."""
        self.ask("DELETE", f"/v1/projects/{segment(project)}/members/{segment(user)}")


def _content(body: BaseModel) -> bytes:
    return body.model_dump_json(exclude_none=True).encode()
