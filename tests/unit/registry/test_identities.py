"""Who may be sent where, how newcomers are named, and settings that can't work."""

from typing import Any

import pytest

from services.registry.domain.identities import Identity, local_path, user_name
from services.registry.settings import RegistrySettings

OIDC: dict[str, Any] = {
    "oidc_issuer": "https://id.example/realms/x",
    "oidc_client_id": "understudy",
    "token_secret": "s" * 32,
}


@pytest.mark.parametrize("path", ["/", "/account", "/models/credit?tab=1&x=%2F", "/a//b"])
def test_paths_of_this_host_are_gone_to(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "account",
        "//x",
        "/\\x",
        "\\\\x",
        "https://x",
        "/a b",
        "/a\n",
        "/a\\b",
        "/é",
        "//[",
        "/signin",
    ],
)
def test_others_are_not(path: str | None) -> None:
    assert local_path(path) == "/"


@pytest.mark.parametrize(
    ("candidates", "name"),
    [
        (("Ann.Lee@Bank.Example",), "ann.lee@bank.example"),
        ((None, "", "!!", "bob"), "bob"),
        (("Jörg Müller",), "j-rg-m-ller"),
        (("_-x",), "x"),
        (("x" * 500,), "x" * 100),
        ((7, None), "user"),
    ],
)
def test_newcomers_are_named_after_what_is_there(candidates: tuple[object, ...], name: str) -> None:
    assert user_name(*candidates) == name


def test_identities_of_one_name_get_others_for_good() -> None:
    first, second = (Identity("https://id", subject, "ann", "Ann") for subject in ("1", "2"))
    assert first.other_name == Identity("https://id", "1", "ann", "A. Lee").other_name
    assert first.other_name != second.other_name


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"oidc_issuer": "http://id.example"}, "https"),
        ({"oidc_issuer": "id.example"}, "https"),
        ({"oidc_client_id": ""}, "UNDERSTUDY_OIDC_CLIENT_ID"),
        ({"token_secret": None}, "UNDERSTUDY_TOKEN_SECRET"),
    ],
)
def test_half_a_provider_is_refused_at_the_start(more: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        RegistrySettings.model_validate({**OIDC, **more})


def test_what_is_empty_is_not_stated() -> None:
    empty = dict.fromkeys(("public_url", "oidc_issuer", "oidc_admin_group", "token_secret"), "")
    settings = RegistrySettings.model_validate({**empty, "registry_port": 8701})
    assert (settings.oidc_issuer, settings.oidc_admin_group) == (None, None)
    assert settings.token_secret is None
    assert settings.origin == "http://127.0.0.1:8701"
