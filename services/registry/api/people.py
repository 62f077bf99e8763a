"""Users, members, and who one is oneself."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from services.registry.api.edge import Admin, Asked, Known, PathName, Verbs, page_of
from services.registry.api.sessions import address_of
from services.registry.domain.people import Membership, User, UserChange
from services.registry.operations.people import NewUser
from services.registry.operations.sessions import Visitor
from understudy.contracts.people import (
    USER_PATTERN,
    GrantView,
    MemberRequest,
    MemberView,
    MeView,
    PasswordRequest,
    UserChangeRequest,
    UserRequest,
    UserView,
)
from understudy.contracts.registry import Page

router = APIRouter(prefix="/v1")

PathUser = Annotated[str, Path(pattern=USER_PATTERN)]


@router.get("/me")
def me(caller: Known, verbs: Verbs, request: Request, response: Response) -> MeView:
    """Whom the key or the session belongs to, and what that may do."""
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    grants = tuple(
        GrantView(
            scopes=tuple(sorted(grant.scopes)), project=grant.project, deployment=grant.deployment
        )
        for grant in caller.grants
    )
    response.headers["Cache-Control"] = "no-store"
    if visitor is None:
        return MeView(actor=caller.actor, grants=grants, limits=caller.limits)
    user = user_view(visitor.user, verbs.people.memberships(visitor.user.name))
    return MeView(actor=caller.actor, user=user, grants=grants, csrf_token=visitor.csrf)


@router.post("/users", status_code=201)
def make_user(caller: Admin, verbs: Verbs, body: UserRequest) -> UserView:
    """Make a user."""
    new = NewUser(
        name=body.name,
        display_name=body.display_name or "",
        admin=body.admin,
        password=_clear(body.password),
        identity=body.identity,
    )
    return user_view(verbs.people.make(caller, new))


@router.get("/users")
def list_users(
    caller: Admin, verbs: Verbs, asked: Asked, request: Request, response: Response
) -> Page[UserView]:
    """Users by name."""
    return page_of(verbs.people.page(caller, asked), user_view, request, response)


@router.get("/users/{user}")
def show_user(caller: Known, verbs: Verbs, user: PathUser) -> UserView:
    """Oneself, or anybody for an administrator."""
    found = verbs.people.user(caller, user)
    return user_view(found, verbs.people.memberships(user))


@router.patch("/users/{user}")
def change_user(caller: Admin, verbs: Verbs, user: PathUser, body: UserChangeRequest) -> UserView:
    """Change a user; who is disabled is signed out at once."""
    change = UserChange(body.display_name, body.admin, body.disabled)
    changed = verbs.people.change(caller, user, change)
    return user_view(changed, verbs.people.memberships(user))


@router.put("/users/{user}/password", status_code=204)
def set_password(
    *, caller: Known, verbs: Verbs, user: PathUser, body: PasswordRequest, request: Request
) -> None:
    """Set one's own password, or anybody's as an administrator. All of the user's sessions end."""
    verbs.people.set_password(
        caller,
        user,
        body.password.get_secret_value(),
        _clear(body.old_password),
        address_of(request),
    )


@router.get("/projects/{project}/members")
def list_members(
    *,
    caller: Admin,
    verbs: Verbs,
    project: PathName,
    asked: Asked,
    request: Request,
    response: Response,
) -> Page[MemberView]:
    """Members by name."""
    return page_of(verbs.members.page(caller, project, asked), member_view, request, response)


@router.put("/projects/{project}/members/{user}")
def put_member(
    caller: Admin, verbs: Verbs, project: PathName, user: PathUser, body: MemberRequest
) -> MemberView:
    """Give a user these roles in a project, and no others."""
    return member_view(verbs.members.put(caller, project, user, body.roles))


@router.delete("/projects/{project}/members/{user}", status_code=204)
def remove_member(caller: Admin, verbs: Verbs, project: PathName, user: PathUser) -> None:
    """Take all roles in a project away."""
    verbs.members.remove(caller, project, user)


def user_view(user: User, memberships: tuple[Membership, ...] = ()) -> UserView:
    """A user, without anything of the password."""
    return UserView(
        name=user.name,
        display_name=user.display_name,
        admin=user.admin,
        has_password=user.password is not None,
        identity=user.identity,
        created_at=user.created_at,
        disabled_at=user.disabled_at,
        memberships=tuple(member_view(one) for one in memberships),
    )


def member_view(membership: Membership) -> MemberView:
    """What somebody is in a project."""
    roles = tuple(sorted(membership.roles))
    return MemberView(project=membership.project, user=membership.user, roles=roles)


def _clear(password: SecretStr | None) -> str | None:
    return None if password is None else password.get_secret_value()
