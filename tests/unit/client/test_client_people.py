"""The client of people: passwords are sent as they are, and shown by nothing else."""

from tests.fakes.registry_bodies import NOW
from tests.fakes.scripted_http import scripted_server
from understudy.client import RegistryClient
from understudy.contracts.people import GrantView, MeView, UserRequest, UserView
from understudy.contracts.vocabulary import Scope

PASSWORD = "six blue cups 42"


def test_a_body_shows_no_password_but_on_the_wire() -> None:
    body = UserRequest.model_validate({"name": "ann", "password": PASSWORD})
    assert PASSWORD not in repr(body)
    assert PASSWORD not in str(body.model_dump())
    assert PASSWORD in body.model_dump_json()


def test_own_passwords_are_changed_with_the_old_one() -> None:
    with scripted_server() as server, RegistryClient(server.url, "us_key") as registry:
        server.on("PUT", "/v1/users/a%40b/password", None, 204)
        registry.set_password("a@b", PASSWORD, "the old one")
        assert server.asked[0].json == {"password": PASSWORD, "old_password": "the old one"}


def test_who_one_is() -> None:
    user = UserView(name="ann", display_name="Ann", admin=False, has_password=True, created_at=NOW)
    grants = (GrantView(scopes=(Scope.READ,), project="bank"),)
    with scripted_server() as server, RegistryClient(server.url, "us_key") as registry:
        server.on("GET", "/v1/me", MeView(actor="user:ann", user=user, grants=grants))
        assert registry.me().grants[0].project == "bank"
