"""Users and members on the command line: what is sent and shown, with no password on the way."""

import json

import pytest

from tests.fakes.registry_bodies import NOW
from tests.fakes.scripted_http import Script
from tests.fakes.typed_commands import Run
from understudy.contracts.people import MemberView, UserView
from understudy.contracts.registry import Page
from understudy.contracts.vocabulary import MemberRole

PASSWORD = "six blue cups 42"
ANN = UserView(name="ann", display_name="Ann", admin=True, has_password=True, created_at=NOW)
MEMBER = MemberView(project="bank", user="ann", roles=(MemberRole.VIEWER, MemberRole.OPERATOR))


def test_a_user_is_made_with_a_password_that_is_typed_twice(run: Run, server: Script) -> None:
    server.on("POST", "/v1/users", ANN, 201)
    result = run("users", "create", "ann", "--admin", stdin=f"{PASSWORD}\n{PASSWORD}\n")
    assert result.exit_code == 0, result.stderr
    assert server.asked[0].json == {"name": "ann", "admin": True, "password": PASSWORD}
    assert PASSWORD not in result.stdout + result.stderr


def test_a_password_comes_from_standard_input(run: Run, server: Script) -> None:
    server.on("POST", "/v1/users", ANN, 201)
    result = run("users", "create", "ann", "--password-stdin", "-o", "json", stdin=f"{PASSWORD}\n")
    assert json.loads(result.stdout)["name"] == "ann"
    assert server.asked[0].json == {"name": "ann", "admin": False, "password": PASSWORD}


def test_who_signs_in_elsewhere_needs_no_password(run: Run, server: Script) -> None:
    server.on("POST", "/v1/users", ANN, 201)
    run("users", "create", "ann", "--identity", "https://id.example 17", "--display-name", "Ann")
    assert server.asked[0].json == {
        "name": "ann",
        "display_name": "Ann",
        "admin": False,
        "identity": "https://id.example 17",
    }


def test_users_are_listed(run: Run, server: Script) -> None:
    server.on("GET", "/v1/users", Page(items=(ANN,)))
    assert "ann" in run("users", "list").stdout
    assert json.loads(run("users", "list", "-o", "json").stdout)[0]["admin"] is True


def test_a_user_is_shown_with_projects(run: Run, server: Script) -> None:
    server.on("GET", "/v1/users/ann", ANN.model_copy(update={"memberships": (MEMBER,)}))
    assert "in bank        viewer, operator" in run("users", "show", "ann").stdout


@pytest.mark.parametrize(("verb", "disabled"), [("disable", True), ("enable", False)])
def test_a_user_is_kept_out_and_let_in(run: Run, server: Script, verb: str, disabled: bool) -> None:
    server.on("PATCH", "/v1/users/ann", ANN)
    assert run("users", verb, "ann").exit_code == 0
    assert server.asked[0].json == {"disabled": disabled}


def test_a_password_is_set(run: Run, server: Script) -> None:
    server.on("PUT", "/v1/users/ann/password", None, 204)
    result = run("users", "password", "ann", "--password-stdin", stdin=f"{PASSWORD}\n")
    assert (result.exit_code, server.asked[0].json) == (0, {"password": PASSWORD})
    assert PASSWORD not in result.stdout + result.stderr


def test_members_have_roles(run: Run, server: Script) -> None:
    path = "/v1/projects/bank/members"
    server.on("PUT", f"{path}/ann", MEMBER)
    server.on("GET", path, Page(items=(MEMBER,)))
    server.on("DELETE", f"{path}/ann", None, 204)
    said = run("members", "set", "bank", "ann", "--role", "viewer", "--role", "operator").stdout
    assert said == "ann: viewer, operator in bank\n"
    assert server.asked[0].json == {"roles": ["viewer", "operator"]}
    assert "viewer, operator" in run("members", "list", "bank").stdout
    assert run("members", "remove", "bank", "ann").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("users", "create", "Ann", "--password-stdin"), "name"),
        (("members", "set", "bank", "ann"), "--role"),
        (("members", "set", "bank", "ann", "--role", "king"), "king"),
    ],
)
def test_what_was_typed_wrong_is_told(
    run: Run, server: Script, arguments: tuple[str, ...], said: str
) -> None:
    result = run(*arguments, stdin=f"{PASSWORD}\n")
    assert result.exit_code == 2, result.stderr
    assert said in result.stderr
    assert PASSWORD not in result.stderr
    assert server.asked == []
