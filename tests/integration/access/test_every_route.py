"""Deny by default, at every route that any process has: a new one need not be listed."""

import sys
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Final

import pytest

from tests.cluster import SERVICES
from tests.integration.access.conftest import METHODS, Answer, Neighbourhood, Route

pytestmark = pytest.mark.timeout(900)

PROBE: Final = "an orchestrator asks without a key; numbers alone, and no names"
OPEN: Final[Mapping[tuple[str, str], str]] = {
    ("serving", "/livez"): PROBE,
    ("serving", "/healthz"): PROBE,
    ("serving", "/readyz"): PROBE,
    ("serving", "/ping"): PROBE,
    ("serving", "/health"): PROBE,
    ("serving", "/v2/health/live"): PROBE,
    ("serving", "/v2/health/ready"): PROBE,
    ("serving", "/"): "KServe's v1 client asks there whether the server is alive",
    ("serving", "/static/{name}"): "style sheets and icons of forms; they hold no data",
    ("challenger", "/livez"): PROBE,
    ("challenger", "/readyz"): PROBE,
    ("registry", "/livez"): PROBE,
    ("registry", "/readyz"): PROBE,
    ("registry", "/signin"): "who is not signed in signs in there",
    ("registry", "/signin/oidc"): "who is not signed in is sent to the identity provider",
    ("registry", "/signin/oidc/callback"): "the identity provider sends people back to it",
    ("registry", "/v1/sessions"): "the same for programs: name and password are the credentials",
    ("registry", "/v1/oauth/token"): "a key's id and secret are the credentials",
    ("registry", "/v1/oauth/jwks"): "public keys, by which tokens are verified",
    ("registry", "/.well-known/oauth-authorization-server"): "where tokens are had (RFC 8414)",
    ("registry", "/static/{name}"): "what the page to sign in looks like; no data",
    ("monitor", "/livez"): PROBE,
    ("monitor", "/readyz"): PROBE,
    ("monitor", "/runbook"): "whoever an alert has sent there; it holds no data",
}
TURNED_AWAY: Final = frozenset({401, 403})
NO_SUCH_THING: Final = frozenset({404, 405})
"""Of a path or method that the software does not have: what is installed tells nobody that, its
documentation does."""
OF_THE_SOFTWARE: Final = frozenset({("serving", "/deployments/{deployment}/version")})
"""The same for every name: what is installed."""
CONCERNS_ONESELF: Final = frozenset({("registry", "/v1/me"), ("registry", "/v1/sessions/current")})


def guarded(neighbourhood: Neighbourhood) -> Iterator[Route]:
    return (r for r in neighbourhood.routes if (r.service, r.path) not in OPEN)


def taken_at(neighbourhood: Neighbourhood, route: Route) -> frozenset[str]:
    """Methods that some route takes at the path; `only` refuses the others with 405."""
    same = [r for r in neighbourhood.routes if (r.service, r.path) == (route.service, route.path)]
    return frozenset(method for r in same for method in r.methods)


def test_every_service_has_routes(neighbourhood: Neighbourhood) -> None:
    counts = {s: len([r for r in neighbourhood.routes if r.service == s]) for s in SERVICES}
    told("routes", counts)
    assert counts["challenger"] == 3
    assert counts["serving"] > 80
    assert counts["registry"] > 70
    assert counts["monitor"] > 20
    # BentoML's application stands behind ours, and is found.
    assert ("serving", "/docs.json") in {(r.service, r.path) for r in neighbourhood.routes}


def test_what_is_open_exists(neighbourhood: Neighbourhood) -> None:
    assert {*OPEN} <= {(route.service, route.path) for route in neighbourhood.routes}


def test_strangers_are_turned_away_everywhere(neighbourhood: Neighbourhood) -> None:
    wrong: list[str] = []
    before = sum(door.asked for door in neighbourhood.doors.values())
    for route in {(r.service, r.path): r for r in guarded(neighbourhood)}.values():
        target = route.at(neighbourhood.there)
        for method in METHODS:
            for who, headers in neighbourhood.strangers.items():
                found = neighbourhood.doors[route.service].ask(method, target, headers)
                if found.status not in TURNED_AWAY | NO_SUCH_THING:
                    wrong.append(f"{route.service} {method} {target} for {who}: {found.status}")
                if found.status == 404 and route.names_something and "path" not in route.path:
                    wrong.append(f"{route.service} {method} {target} for {who}: not found")
    told("requests", sum(door.asked for door in neighbourhood.doors.values()) - before)
    assert not wrong, "\n".join(wrong)


def test_what_a_route_takes_is_asked_for_a_key_first(neighbourhood: Neighbourhood) -> None:
    """The method that does something answers 401, whatever else could be said."""
    wrong = []
    for route in guarded(neighbourhood):
        for method in route.methods:
            # Refusals of other methods are routes of their own here.
            found = neighbourhood.doors[route.service].ask(
                method, route.at(neighbourhood.there), {}
            )
            if found.status not in {401, 405} and not (
                found.status == 404 and route.path in {"/v1/{path:path}", "/v2/{path:path}"}
            ):
                wrong.append(f"{route.service} {method} {route.path}: {found.status}")
            if found.status == 401 and "WWW-Authenticate" not in titled(found):
                wrong.append(f"{route.service} {method} {route.path}: no WWW-Authenticate")
    assert not wrong, "\n".join(wrong)


def test_a_foreign_key_learns_of_nothing(neighbourhood: Neighbourhood) -> None:
    there, absent = neighbourhood.there, neighbourhood.absent
    wrong = []
    for route in {(r.service, r.path): r for r in guarded(neighbourhood)}.values():
        door = neighbourhood.doors[route.service]
        for method in METHODS:
            if (route.service, route.path) in CONCERNS_ONESELF:
                continue
            found = door.ask(method, route.at(there), neighbourhood.foreign)
            place = f"{route.service} {method} {route.path}"
            if found.status >= HTTPStatus.INTERNAL_SERVER_ERROR and found.status != 501:
                wrong.append(f"{place}: {found.status}")
            if not route.names_something:
                text = found.body.decode(errors="replace")
                wrong += [
                    f"{place} tells {what}"
                    for what in ("deployment", "model", "sha256", "key_id")
                    if found.status < 300 and f'"{there[what]}"' in text
                ]
                continue
            other = door.ask(method, route.at(absent), neighbourhood.foreign)
            if alike(found, route.at(there), there) != alike(other, route.at(absent), absent):
                wrong.append(f"{place}: {found.status} {found.body[:300]!r} {other.body[:300]!r}")
            known = (route.service, route.path) in OF_THE_SOFTWARE
            if found.status < 300 and found.body not in {b"{}", b""} and not known:
                wrong.append(f"{place}: {found.status} {found.body[:200]!r}")
    assert not wrong, "\n".join(wrong)


def test_a_session_changes_nothing_without_its_token(neighbourhood: Neighbourhood) -> None:
    door, wrong, asked = neighbourhood.doors["registry"], [], 0
    assert door.ask("GET", "/v1/me", neighbourhood.session).status == 200
    for route in guarded(neighbourhood):
        if route.service != "registry":
            continue
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            found = door.ask(method, route.at(neighbourhood.there), neighbourhood.session)
            asked += 1
            if found.status != 403:
                wrong.append(f"{method} {route.path}: {found.status}")
    assert (wrong, asked > 100) == ([], True)
    assert door.ask("GET", "/v1/me", neighbourhood.session).status == 200


@pytest.mark.parametrize("service", SERVICES)
def test_metrics_need_their_scope(neighbourhood: Neighbourhood, service: str) -> None:
    door, cluster = neighbourhood.doors[service], neighbourhood.cluster
    for headers in (*neighbourhood.strangers.values(), neighbourhood.foreign):
        assert door.ask("GET", "/metrics", headers).status in TURNED_AWAY
    example = {"X-API-Key": cluster.example.key}
    assert door.ask("GET", "/metrics", example).status == 403
    right = {"X-API-Key": cluster.key("metrics")}
    assert door.ask("GET", "/metrics", right).status == 200


VARIANTS: Final = (
    "{0}/",
    "/{0}",
    "//{0}",
    "{0}//",
    "{0}%2f",
    "{0}%00",
    "{0}?x=1",
    "{0};x=1",
    "/.{0}",
    "/livez/..{0}",
    "/livez/%2e%2e{0}",
    "/livez%2f..{0}",
    "/static/..{0}",
    "/static/%2e%2e{0}",
    "/static/..%2f..{0}",
    "/static%2f..{0}",
    "/static/registry.css/../..{0}",
    "/signin/..{0}",
    "/readyz#{0}",
    "/v1/../{0}",
    "{1}",
    "{2}",
    "http://elsewhere.example{0}",
)


def test_no_spelling_of_a_path_gets_by(neighbourhood: Neighbourhood) -> None:
    wrong, asked = [], 0
    for route in {(r.service, r.path): r for r in guarded(neighbourhood)}.values():
        target = route.at(neighbourhood.there)
        encoded = "/" + target[1:].replace("/", "%2F")
        for variant in VARIANTS:
            spelt = variant.format(target, encoded, target.upper())
            for method in ("GET", "POST"):
                found = neighbourhood.doors[route.service].ask(method, spelt, {})
                asked += 1
                # A fragment is cut off: what is left is open.
                opened = found.status == 200 and spelt.startswith("/readyz#")
                if not opened and found.status not in TURNED_AWAY | NO_SUCH_THING | {400}:
                    wrong.append(f"{route.service} {method} {spelt}: {found.status}")
    told("requests", asked)
    assert not wrong, "\n".join(wrong)


def told(what: str, found: object) -> None:
    sys.stdout.write(f"{what}: {found}\n")


def titled(answer: Answer) -> dict[str, str]:
    return {name.title().replace("Www", "WWW"): value for name, value in answer.headers.items()}


def alike(answer: Answer, target: str, names: Mapping[str, str]) -> tuple[int, str]:
    """The answer without what the caller wrote, and without what differs each time."""
    text = answer.body.decode(errors="replace").replace(target, "…")
    for name in sorted({*names.values()} - {"1"}, key=len, reverse=True):
        text = text.replace(name, "…")
    kept = [part for part in text.split(",") if '"request_id"' not in part]
    return answer.status, ",".join(kept)
