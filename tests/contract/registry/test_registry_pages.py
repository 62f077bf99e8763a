"""The registry's pages: who sees which, forms that work, and nothing from elsewhere."""

import re
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import pytest
from starlette.routing import Route

from services.registry.domain.attempts import Attempts, name_subject
from services.registry.domain.people import User
from tests.fakes.html_pages import Element, read_page
from tests.fakes.registry import NOON, deployment
from understudy.contracts.vocabulary import MemberRole

from .conftest import ADMIN, Registry
from .people import PASSWORD, browser, settle, sign_in

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html"}
PAGES = ["/", "/account", "/people"]


async def seen(client: httpx.AsyncClient, path: str, status: int = 200) -> Element:
    answer = await client.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return read_page(answer.text)


async def fill_in(client: httpx.AsyncClient, wanted: str = "/", **fields: str) -> httpx.Response:
    page = await seen(client, f"/signin?next={wanted}")
    hidden = {str(each["name"]): str(each["value"]) for each in page.all("input", type="hidden")}
    sent = {**hidden, "name": "ann", "password": PASSWORD, **fields}
    return await client.post("/signin", data=sent)


OPEN_TO_ALL = {"/signin", "/static/{name}"}


async def test_every_page_but_the_one_to_sign_in_needs_a_session(registry: Registry) -> None:
    pages = [one for one in registry.api.routes if type(one) is Route and one.methods]
    assert {one.path for one in pages} >= {*PAGES, "/signout", *OPEN_TO_ALL}
    nobody = browser(registry)
    for page in pages:
        path = page.path.replace("{name}", "registry.css").replace("{deployment}", "credit")
        for method in sorted(page.methods or ()):
            answer = await nobody.request(method, path)
            closed = answer.status_code == 401
            assert closed is (page.path not in OPEN_TO_ALL), (method, path)


@pytest.mark.parametrize("path", [*PAGES, "/nothing", "/metrics", "/people?project=bank&x=1"])
async def test_without_a_session_a_browser_is_sent_to_sign_in(
    registry: Registry, path: str
) -> None:
    answer = await browser(registry).get(path, headers=HTML)
    assert answer.status_code == 303
    where = httpx.URL(answer.headers["location"])
    assert (where.path, where.params.get("next", "/")) == ("/signin", path)


@pytest.mark.parametrize("path", [*PAGES, "/v1/projects"])
async def test_programs_are_told_instead(registry: Registry, path: str) -> None:
    assert (await browser(registry).get(path)).status_code == 401
    answer = await browser(registry).get("/v1/projects", headers=HTML)
    assert answer.status_code == 401
    assert (await browser(registry).post(path, headers=HTML)).status_code == 401


async def test_who_signs_in_goes_where_they_wanted(registry: Registry) -> None:
    settle(registry, admin=True)
    client = browser(registry)
    answer = await fill_in(client, "/people%3Fproject=bank")
    assert (answer.status_code, answer.headers["location"]) == (303, "/people?project=bank")
    assert "understudy_session" in client.cookies
    assert "understudy_signin" not in client.cookies
    assert (await seen(client, "/people")).one("h1").text == "People"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "http:/evil.example",
        "javascript:alert(1)",
        "/a\nSet-Cookie: b",
        "/\t/evil.example",
        "evil.example",
        "/signin",
        "//[",
        "",
        "/é",
        "/" + "x" * 3_000,
    ],
)
async def test_nobody_is_sent_elsewhere(registry: Registry, wanted: str) -> None:
    settle(registry)
    answer = await fill_in(browser(registry), next=wanted)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_a_wrong_password_is_told_beside_the_name(registry: Registry) -> None:
    settle(registry)
    answer = await fill_in(browser(registry), "/people", password="wrong password")
    page = read_page(answer.text)
    assert answer.status_code == 401
    assert page.one(role="alert").text == "Name and password do not belong together."
    assert page.one("input", id="name")["value"] == "ann"
    assert page.one("input", name="next")["value"] == "/people"
    assert "wrong password" not in answer.text


async def test_a_wait_is_told(registry: Registry) -> None:
    settle(registry)
    held = Attempts(15, datetime.now(UTC))
    registry.memory.attempts[name_subject("ann").id] = held
    answer = await fill_in(browser(registry))
    assert answer.status_code == 429
    assert answer.headers["retry-after"]
    assert "try again in" in read_page(answer.text).one(role="alert").text


@pytest.mark.parametrize("token", ["", "another"])
async def test_the_form_alone_signs_in(registry: Registry, token: str) -> None:
    settle(registry)
    answer = await fill_in(browser(registry), form_token=token)
    assert answer.status_code == 403
    assert registry.memory.sessions == {}
    without = await browser(registry).post(
        "/signin", data={"name": "ann", "password": PASSWORD, "form_token": token}
    )
    assert without.status_code == 403


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_no_other_site_sends_the_form(registry: Registry, headers: dict[str, str]) -> None:
    settle(registry)
    client = browser(registry)
    client.headers.update(headers)
    assert (await fill_in(client)).status_code == 403


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a=1&" * 300, b"name=%ff&password=%00"])
async def test_forms_of_garbage_are_refused(registry: Registry, content: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await browser(registry).post("/signin", content=content, headers=form)
    assert answer.status_code == 403
    settle(registry)
    client = await sign_in(registry)
    del client.headers["X-CSRF-Token"]
    assert (await client.post("/people", content=content, headers=form)).status_code == 403


@pytest.mark.parametrize("path", ["/signin", *PAGES])
async def test_pages_are_kept_by_nobody_and_load_nothing_from_elsewhere(
    registry: Registry, path: str
) -> None:
    settle(registry, admin=True)
    client = await sign_in(registry)
    answer = await client.get(path, headers=HTML)
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    page = read_page(answer.text)
    assert not [one for one in page.inside if "style" in one or one.tag in {"style", "script"}]
    loaded = [str(one[name]) for one in page.inside for name in ("src",) if name in one]
    loaded += [str(one["href"]) for one in page.all("link")]
    for address in sorted(set(loaded)):
        asset = await browser(registry).get(address)
        assert asset.status_code == 200
        assert "immutable" in asset.headers["cache-control"]
    labelled = {one["for"] for one in page.all("label") if "for" in one}
    for field in page.all("input"):
        named = field.attributes.get("id") in labelled or "aria-label" in field
        assert named or field["type"] in {"hidden", "checkbox"} or "hidden" in field


@pytest.mark.parametrize("name", ["registry.py", "..%2Ftemplates%2Flayout.html", "", "x"])
async def test_no_other_file_is_handed_out(registry: Registry, name: str) -> None:
    assert (await browser(registry).get(f"/static/{name}")).status_code == 404


async def test_home_lists_what_is_reached(registry: Registry) -> None:
    memory = registry.memory
    memory.deployments["basket"] = deployment("basket", project="shop")
    memory.histories["basket"] = [memory.deployments["basket"].current]
    settle(registry, "ann", MemberRole.VIEWER)
    page = await seen(await sign_in(registry), "/")
    assert [row.text for row in page.all("th", scope="row")] == ["credit"]
    assert page.one("a", href="/deployments/credit")
    assert "Not running" in page.one("tbody").text
    report = {"instance": "w", "component": "serving", "releases": {"credit": 1, "basket": 1}}
    assert (await registry.http.post("/v1/followers", json=report)).status_code == 204
    settle(registry, "ann", admin=True)
    rows = (await seen(await sign_in(registry), "/")).one("tbody").text
    assert "basket" in rows
    assert "Running" in rows


async def test_home_is_empty_for_who_is_member_of_nothing(registry: Registry) -> None:
    settle(registry)
    page = await seen(await sign_in(registry), "/")
    assert "You reach no deployment" in page.one("main").text


async def test_texts_of_others_are_text(registry: Registry) -> None:
    settle(registry, admin=True)
    users = registry.memory.users
    users["ann"] = replace(users["ann"], display_name="<script>alert(1)</script>")
    client = await sign_in(registry)
    for path in PAGES:
        answer = await client.get(path, headers=HTML)
        assert "<script>" not in answer.text


async def send(client: httpx.AsyncClient, path: str, **fields: str | list[str]) -> httpx.Response:
    """A form of ours: its token is a field, not a header."""
    token = client.headers.pop("X-CSRF-Token")
    answer = await client.post(path, data={"csrf_token": token, **fields})
    client.headers["X-CSRF-Token"] = token
    return answer


async def test_ones_password_is_changed_and_one_stays_signed_in(registry: Registry) -> None:
    settle(registry)
    client, other = await sign_in(registry), await sign_in(registry)
    new = "another good one"
    unlike = await send(client, "/account", old=PASSWORD, password=new, again="unlike")
    assert unlike.status_code == 422
    assert "not the same" in read_page(unlike.text).one(role="alert").text
    wrong = await send(client, "/account", old="wrong password", password=new, again=new)
    assert wrong.status_code == 422
    assert new not in wrong.text
    done = await send(client, "/account", old=PASSWORD, password=new, again=new)
    assert (done.status_code, done.headers["location"]) == (303, "/account?done=password")
    assert "is changed" in (await seen(client, "/account?done=password")).one(role="status").text
    assert (await other.get("/account", headers=HTML)).status_code == 303


async def test_a_form_without_the_token_changes_nothing(registry: Registry) -> None:
    settle(registry, admin=True)
    client = await sign_in(registry)
    del client.headers["X-CSRF-Token"]
    for path in ("/account", "/people", "/signout"):
        for fields in ({}, {"csrf_token": "wrong"}, {"csrf_token": ["a", "b"]}):
            answer = await client.post(path, data=fields)
            assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    assert len(registry.memory.sessions) == 1


async def test_signing_out_is_a_form(registry: Registry) -> None:
    settle(registry)
    client = await sign_in(registry)
    answer = await send(client, "/signout")
    assert answer.headers["location"] == "/signin?done=signed-out"
    assert registry.memory.sessions == {}
    assert "You are signed out" in (await seen(client, "/signin?done=signed-out")).text


async def test_administrators_make_users_and_members(registry: Registry) -> None:
    settle(registry, admin=True)
    client = await sign_in(registry)
    made = await send(
        client, "/people", do="make", name="Bob", display_name="Bob Marsh", password=PASSWORD
    )
    assert made.headers["location"] == "/people?done=user"
    assert registry.memory.users["bob"].display_name == "Bob Marsh"
    roles = ["viewer", "operator"]
    member = await send(client, "/people", do="member", project="shop", user="bob", role=roles)
    assert member.headers["location"] == "/people?done=member&project=shop"
    assert registry.memory.members["shop", "bob"].roles == {"viewer", "operator"}
    page = await seen(client, "/people?project=shop")
    assert "Bob Marsh" in page.text
    checked = [one["value"] for one in page.all("input", name="role") if "checked" in one]
    assert checked == roles
    await send(client, "/people", do="remove", project="shop", user="bob", role=roles)
    assert registry.memory.members == {}
    await send(client, "/people", do="admin", user="bob", value="yes")
    await send(client, "/people", do="password", user="bob", password="another good one")
    await send(client, "/people", do="disable", user="bob", value="yes")
    bob = registry.memory.users["bob"]
    assert (bob.admin, bob.enabled, bob.password) == (True, False, "2026 another good one")


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"do": "make", "name": "bad name", "password": PASSWORD}, 422, "sign-in name"),
        ({"do": "make", "name": "bob", "password": "short"}, 422, "at least 12"),
        ({"do": "make", "name": "ann", "password": PASSWORD}, 409, "already"),
        ({"do": "member", "project": "bank", "user": "ann"}, 422, "at least one role"),
        ({"do": "member", "project": "bank", "user": "x", "role": "viewer"}, 422, "no user"),
        ({"do": "member", "project": "no", "user": "ann", "role": "viewer"}, 404, "no project"),
        ({"do": "disable", "user": "ann", "value": "yes"}, 409, "last administrator"),
        ({"do": "admin", "user": "nobody", "value": "yes"}, 404, "no user"),
        ({"do": "burn"}, 422, "nothing to do"),
        ({}, 422, "nothing to do"),
    ],
)
async def test_what_is_refused_is_told_on_the_page(
    registry: Registry, fields: dict[str, str], status: int, said: str
) -> None:
    settle(registry, admin=True)
    client = await sign_in(registry)
    answer = await send(client, "/people", **fields)
    assert answer.status_code == status
    assert said in read_page(answer.text).one(role="alert").text


async def test_a_projects_administrator_sees_its_members_alone(registry: Registry) -> None:
    settle(registry, "carl")
    settle(registry, "ann", MemberRole.ADMIN)
    client = await sign_in(registry)
    page = await seen(client, "/people?project=shop")
    assert "carl" not in page.text
    assert [one.text for one in page.all("a", class_="chip")] == ["bank"]
    made = await send(client, "/people", do="make", name="eve", password=PASSWORD)
    assert made.status_code == 403
    other = await send(client, "/people", do="member", project="shop", user="ann", role="viewer")
    assert other.status_code == 404
    own = await send(client, "/people", do="member", project="bank", user="carl", role="viewer")
    assert own.status_code == 303


async def test_people_is_for_administrators(registry: Registry) -> None:
    settle(registry, "ann", MemberRole.OPERATOR)
    client = await sign_in(registry)
    page = await seen(client, "/people", 403)
    assert "for administrators" in page.one("main").text
    assert not page.all("a", href="/people")
    answer = await send(client, "/people", do="make", name="eve", password=PASSWORD)
    assert answer.status_code == 403


@pytest.mark.parametrize("path", PAGES)
async def test_a_key_opens_pages_without_forms_of_a_person(registry: Registry, path: str) -> None:
    answer = await registry.http.get(path)
    page = read_page(answer.text)
    assert answer.status_code == 200
    assert not page.all("form", action="/signout")
    assert ADMIN not in answer.text
    assert (await registry.http.post("/account")).status_code == 303


async def test_who_signs_in_elsewhere_has_no_password_to_change(registry: Registry) -> None:
    people = registry.api.state.operations.people
    signed_in = people.sign_in_by_identity("https://id.example 17", "ann", "Ann")
    client = browser(registry)
    client.cookies.set("understudy_session", signed_in.token)
    page = await seen(client, "/account")
    assert not page.all("input", name="old")
    assert "identity provider" in page.text
    assert isinstance(registry.memory.users["ann"], User)
    assert registry.memory.users["ann"].created_at > NOON


async def test_the_style_sheet_names_no_other_address(registry: Registry) -> None:
    style = (await browser(registry).get("/static/registry.css")).text
    assert "url(" not in style
    assert "@import" not in style
    assert re.search(r"prefers-color-scheme: dark", style)
