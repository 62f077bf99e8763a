"""The page of a deployment: who sees which part of it, its forms, and that it says what holds."""

import html
import json
import re
from dataclasses import replace

import httpx
import pytest

from services.registry.domain.versions import Version
from tests.fakes.html_pages import Element, read_page
from tests.fakes.registry import NOON, draft
from tests.usage_page import program_of
from understudy.contracts.policy import GuardRule, Guards, Policy
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import AccessLevel, FeatureKind, GuardAction, MemberRole, Task

from .conftest import ADMIN, Registry
from .people import browser, settle, sign_in

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html"}
PAGE = "/deployments/credit"
KEYS = re.compile(r"us_[a-z0-9]{12}_[A-Za-z0-9_-]{43}")


async def seen(client: httpx.AsyncClient, path: str = PAGE, status: int = 200) -> Element:
    answer = await client.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return read_page(answer.text)


async def send(client: httpx.AsyncClient, **fields: str | list[str]) -> httpx.Response:
    """A form of the page: its token is a field, not a header."""
    token = client.headers.pop("X-CSRF-Token")
    answer = await client.post(PAGE, data={"csrf_token": token, **fields})
    client.headers["X-CSRF-Token"] = token
    return answer


async def made(client: httpx.AsyncClient, **fields: str | list[str]) -> str:
    answer = await send(client, do="issue", **{"name": "app", "scope": "predict", **fields})
    assert answer.status_code == 200, answer.text
    return str(KEYS.findall(answer.text)[0])


def alter(registry: Registry, **changes: object) -> None:
    memory = registry.memory
    memory.deployments["credit"] = replace(memory.deployments["credit"], **changes)  # type: ignore[arg-type]


def take(registry: Registry, signature: Signature) -> None:
    found = registry.memory.versions["credit", 1]
    registry.memory.versions["credit", 1] = replace(found, draft=draft(signature=signature))
    assert isinstance(found, Version)


async def test_a_viewer_reads_it_and_sees_no_keys(registry: Registry) -> None:
    settle(registry, "ann", MemberRole.VIEWER)
    registry.memory.keys.clear()
    await registry.http.post(
        "/v1/keys", json={"name": "hidden", "scopes": ["predict"], "deployment": "credit"}
    )
    page = await seen(await sign_in(registry))
    assert page.one("h1").text == "credit"
    assert "bank" in page.one("ul", class_="facts-row").text
    assert not page.all("form", action=PAGE)
    assert "hidden" not in page.text
    assert "made by who may deploy in bank" in page.text


@pytest.mark.parametrize("name", ["credit", "nothing", "Not%20a%20name", "x%00", "x" * 300])
async def test_to_strangers_it_looks_as_if_it_were_not_there(registry: Registry, name: str) -> None:
    settle(registry, "ann", MemberRole.ADMIN, project="shop")
    client = await sign_in(registry)
    answer = await client.get(f"/deployments/{name}", headers=HTML)
    assert answer.status_code == 404
    words = read_page(answer.text).one("main").text
    assert words.startswith("Not foundThere is no deployment")
    posted = await client.post(f"/deployments/{name}", data={"do": "issue", "name": "a"})
    assert posted.status_code == 404
    described = await client.get("/v1/deployments/credit/openapi.json")
    assert described.status_code == 404


async def test_a_caller_without_the_scope_sees_nothing_either(registry: Registry) -> None:
    body = {"name": "app", "scopes": ["predict"], "deployment": "credit"}
    key = (await registry.http.post("/v1/keys", json=body)).json()["key"]
    answer = await browser(registry).get(PAGE, headers={"X-API-Key": key})
    assert answer.status_code == 404


@pytest.mark.parametrize("role", [MemberRole.OPERATOR, MemberRole.ADMIN])
async def test_a_key_is_shown_once_and_filled_in(registry: Registry, role: MemberRole) -> None:
    settle(registry, "ann", role)
    client = await sign_in(registry)
    answer = await send(
        client,
        do="issue",
        name="the app",
        scope=["predict", "label"],
        expires="2999-12-31",
        requests_per_second="2.5",
        burst="10",
        predictions_per_day="1000",
    )
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    (key,) = set(KEYS.findall(answer.text))
    page = read_page(answer.text)
    assert page.one("section", class_="made").one("code").text == key
    marked = page.one("div", data_snippet="prevision").all("mark")
    assert [one.text for one in marked] == [key.split("_")[1], key]
    for snippet in ("curl", "python", "client", "javascript", "triton", "prevision"):
        assert key in program_of(page, snippet)
    assert "YOUR_KEY" not in page.text
    (kept,) = (await registry.http.get("/v1/keys")).json()["items"]
    assert kept["name"] == "the app"
    assert kept["scopes"] == ["label", "predict"]
    assert (kept["deployment"], kept["project"]) == ("credit", None)
    assert kept["expires_at"] == "3000-01-01T00:00:00Z"
    assert [*kept["limits"].values()] == [2.5, 10, 1000]
    again = await client.get(PAGE, headers=HTML)
    assert key not in again.text
    assert "the app" in again.text
    assert "2.5 requests a second, 10 at once, 1,000 predictions a day" in again.text
    trail = (await registry.http.get("/v1/audit")).json()["items"][0]
    assert (trail["actor"], trail["action"]) == ("user:ann", "key.issue")
    assert key not in json.dumps(trail)


async def test_a_key_is_revoked(registry: Registry) -> None:
    settle(registry, "ann", MemberRole.OPERATOR)
    client = await sign_in(registry)
    key = await made(client)
    key_id = key.split("_")[1]
    page = await seen(client)
    row = page.one("li", class_="key")
    assert row.one("input", name="key")["value"] == key_id
    assert row.one("details", class_="revoke")
    answer = await send(client, do="revoke", key=key_id)
    assert answer.headers["location"] == f"{PAGE}?done=revoked"
    page = await seen(client, f"{PAGE}?done=revoked")
    assert "is revoked" in page.one(role="status").text
    assert "1 revoked or expired" in page.text
    assert not page.all("input", name="key")
    gone = await browser(registry).get("/v1/me", headers={"X-API-Key": key})
    assert gone.status_code == 401


@pytest.mark.parametrize("role", [MemberRole.VIEWER, MemberRole.SCIENTIST, MemberRole.APPROVER])
async def test_who_may_not_deploy_makes_and_revokes_none(
    registry: Registry, role: MemberRole
) -> None:
    settle(registry, "op", MemberRole.OPERATOR)
    key = await made(await sign_in(registry, "op"))
    settle(registry, "ann", role)
    client = await sign_in(registry)
    before = dict(registry.memory.keys)
    answer = await send(client, do="issue", name="app", scope="predict")
    assert answer.status_code == 403
    assert "may deploy here" in read_page(answer.text).one(role="alert").text
    assert (await send(client, do="revoke", key=key.split("_")[1])).status_code == 403
    assert registry.memory.keys == before


async def test_nobody_hands_out_more_than_they_have(registry: Registry) -> None:
    body = {"name": "ci", "scopes": ["deploy", "read", "predict"], "deployment": "credit"}
    key = (await registry.http.post("/v1/keys", json=body)).json()["key"]
    client = browser(registry)
    client.headers["X-API-Key"] = key
    page = await seen(client)
    assert [one["value"] for one in page.all("input", name="scope")] == ["predict", "read"]
    answer = await client.post(PAGE, data={"do": "issue", "name": "app", "scope": "label"})
    assert answer.status_code == 422
    assert "You don't have label there" in read_page(answer.text).one(role="alert").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "Name the key"),
        ({"name": "a\x00b"}, "Name the key"),
        ({"scope": []}, "at least one of the scopes"),
        ({"scope": ["admin"]}, "at least one of the scopes"),
        ({"scope": ["predict", "follow"]}, "at least one of the scopes"),
        ({"expires": "tomorrow"}, "2030-12-31"),
        ({"expires": "9999-12-31"}, "2030-12-31"),
        ({"expires": "2020-01-01"}, "expired already"),
        ({"requests_per_second": "many"}, "a number above 0"),
        ({"requests_per_second": "nan"}, "do not fit"),
        ({"requests_per_second": "-1"}, "do not fit"),
        ({"burst": "3"}, "need requests per second"),
        ({"burst": "3.5", "requests_per_second": "1"}, "a whole number"),
        ({"predictions_per_day": "²"}, "a whole number"),
        ({"predictions_per_day": "0"}, "a whole number"),
        ({"do": "burn"}, "nothing to do"),
    ],
)
async def test_what_does_not_fit_is_told_and_kept(
    registry: Registry, fields: dict[str, str | list[str]], said: str
) -> None:
    settle(registry, "ann", MemberRole.OPERATOR)
    client = await sign_in(registry)
    answer = await send(client, **{"do": "issue", "name": "app", "scope": "predict", **fields})
    assert answer.status_code == 422
    page = read_page(answer.text)
    assert said in page.one(role="alert").text
    for name in ("expires", "requests_per_second", "burst", "predictions_per_day"):
        if name in fields:
            assert page.one("input", name=name)["value"] == fields[name]
    assert registry.memory.keys == {}


@pytest.mark.parametrize("key", ["", "abcdefgh", "x\x00", "admin0001"])
async def test_no_other_key_is_revoked(registry: Registry, key: str) -> None:
    settle(registry, "ann", MemberRole.OPERATOR)
    answer = await send(await sign_in(registry), do="revoke", key=key)
    assert answer.status_code in {404, 409}


async def test_a_form_without_the_token_changes_nothing(registry: Registry) -> None:
    settle(registry, "ann", MemberRole.ADMIN)
    client = await sign_in(registry)
    del client.headers["X-CSRF-Token"]
    for fields in ({}, {"csrf_token": "wrong"}):
        body = {"do": "issue", "name": "app", "scope": "predict", **fields}
        answer = await client.post(PAGE, data=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "csrf")
    assert registry.memory.keys == {}


async def test_it_loads_nothing_from_elsewhere_and_has_no_script_inside(
    registry: Registry,
) -> None:
    settle(registry, "ann", MemberRole.ADMIN)
    client = await sign_in(registry)
    await made(client)
    answer = await client.get(PAGE, headers=HTML)
    assert "unsafe" not in answer.headers["content-security-policy"]
    page = read_page(answer.text)
    assert not [one for one in page.inside if "style" in one or one.tag == "style"]
    assert not [one for one in page.inside if any(name.startswith("on") for name in one.attributes)]
    assert all("src" in one and one.text == "" for one in page.all("script"))
    for one in [*page.all("script"), *page.all("link")]:
        asset = await browser(registry).get(str(one.attributes.get("src") or one["href"]))
        assert asset.status_code == 200
    labelled = {one["for"] for one in page.all("label") if "for" in one}
    for field in page.all("input"):
        assert field["type"] in {"hidden", "checkbox"} or field["id"] in labelled
    targets = {one["id"] for one in page.inside if "id" in one}
    for link in page.all("a"):
        if str(link["href"]).startswith("#"):
            assert str(link["href"])[1:] in targets


async def test_the_style_sheet_names_no_other_address(registry: Registry) -> None:
    style = (await browser(registry).get("/static/usage.css")).text
    assert "url(" not in style
    assert "@import" not in style


async def test_features_are_told_as_the_policy_takes_them(registry: Registry) -> None:
    features = (
        Feature("age", FeatureKind.INTEGER, "Age", "In full.", "years", 18, 99, nullable=True),
        Feature("town", FeatureKind.CATEGORY, choices=("<b>", "it's"), open_choices=True),
        Feature("job", FeatureKind.CATEGORY, choices=("a", "b"), example="b"),
        Feature("owner", FeatureKind.BOOLEAN),
        Feature("income", FeatureKind.NUMBER, minimum=0),
    )
    target = Target("price", Task.REGRESSION, label="Price", unit="EUR")
    take(registry, Signature(features, target))
    flagging = Policy(guards=Guards(out_of_range=GuardRule(GuardAction.FLAG)))
    release = registry.memory.deployments["credit"].current
    alter(registry, current=replace(release, setting=replace(release.setting, policy=flagging)))
    settle(registry, "ann", MemberRole.VIEWER)
    client = await sign_in(registry)
    answer = await client.get(PAGE, headers=HTML)
    assert "<b>it" not in answer.text
    page = read_page(answer.text)
    rows = [row.text for row in page.all("table")[0].one("tbody").all("tr")]
    assert "18 to 99" in rows[0]
    assert "answered with a warning" in rows[0]
    assert "other values are taken" in rows[1]
    assert rows[2].endswith('"b"')
    assert "true or false" in rows[3]
    assert "at least 0" in rows[4]
    assert "Price in EUR" in page.one("p", class_="quiet answers").text
    asked = json.loads(program_of(page, "javascript").split("const row = ")[1].split(";\n")[0])
    assert asked == {"age": 58, "town": "<b>", "job": "b", "owner": True, "income": 0.0}


async def test_whatever_people_wrote_is_escaped(registry: Registry) -> None:
    said = '"><script>alert(1)</script>'
    features = (
        Feature("age", FeatureKind.INTEGER, said, said, said[:20], 18, 99),
        Feature("town", FeatureKind.CATEGORY, said, choices=(said, "b"), example=said),
    )
    target = Target("price", Task.CLASSIFICATION, label=said, classes=(said, "no"))
    take(registry, Signature(features, target))
    alter(registry, description=said)
    settle(registry, "ann", MemberRole.ADMIN)
    answer = await (await sign_in(registry)).get(PAGE, headers=HTML)
    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "alert(1)" in answer.text
    assert all("src" in one and one.text == "" for one in read_page(answer.text).all("script"))


async def test_every_operation_of_the_description_is_there(registry: Registry) -> None:
    settle(registry, "ann", MemberRole.VIEWER)
    client = await sign_in(registry)
    told = (await client.get("/v1/deployments/credit/openapi.json")).json()
    assert told["servers"] == [{"url": "http://127.0.0.1:8700"}]
    page = await seen(client)
    for path, ways in told["paths"].items():
        for operation in ways.values():
            details = page.one("details", id=f"operation-{operation['operationId']}")
            assert path in details.text
            assert operation["summary"] in details.text
            for parameter in operation.get("parameters", ()):
                assert parameter["name"] in details.text
    predict = page.one("details", id="operation-predict")
    examples = [one for one in predict.all("code") if "data-code" in one]
    request, answer = (json.loads("".join(one.pieces)) for one in examples)
    assert request == {"age": 58}
    assert answer["prediction"] == "no"
    assert answer["model"] == {"name": "credit", "version": 1}
    assert sum(answer["probabilities"].values()) == 1


async def test_the_public_needs_no_key(registry: Registry) -> None:
    alter(registry, access=AccessLevel.PUBLIC)
    settle(registry, "ann", MemberRole.OPERATOR)
    client = await sign_in(registry)
    page = await seen(client)
    for snippet in ("curl", "python", "client", "javascript", "triton", "kserve", "sagemaker"):
        assert "YOUR_KEY" not in program_of(page, snippet)
    assert "YOUR_KEY" in program_of(page, "prevision")
    assert "takes no key" in page.text


async def test_an_administrators_key_reads_the_page_too(registry: Registry) -> None:
    answer = await registry.http.get(PAGE)
    assert answer.status_code == 200
    assert ADMIN not in answer.text
    assert NOON.tzinfo is not None
    assert html.unescape(answer.text).count("YOUR_KEY") > 5
