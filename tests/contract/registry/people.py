"""People of a registry over fakes: users with a password, and browsers that they sign in with."""

import httpx

from services.registry.domain.people import Membership, User
from tests.fakes.registry import NOON
from understudy.contracts.vocabulary import MemberRole

from .conftest import Registry

PASSWORD = "six blue cups 42"
JSON = {"Content-Type": "application/json"}


def settle(
    registry: Registry,
    name: str = "ann",
    *roles: MemberRole,
    project: str = "bank",
    admin: bool = False,
) -> None:
    """A user who may sign in, with roles in a project."""
    memory = registry.memory
    hashed = f"2026 {PASSWORD}"
    memory.users[name] = User(name, name.title(), admin=admin, created_at=NOON, password=hashed)
    if roles:
        memory.members[project, name] = Membership(project, name, frozenset(roles), NOON)


def browser(registry: Registry, origin: str = "http://registry") -> httpx.AsyncClient:
    """Nobody yet; keeps cookies and follows nothing."""
    transport = httpx.ASGITransport(registry.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=origin)


async def sign_in(
    registry: Registry, name: str = "ann", origin: str = "http://registry"
) -> httpx.AsyncClient:
    """A browser in which somebody is signed in; what it sends has the session's token."""
    client = browser(registry, origin)
    answer = await client.post("/v1/sessions", json={"name": name, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]
    return client
