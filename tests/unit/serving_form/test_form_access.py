"""Who gets to see a form, and what becomes of the key."""

import logging

import httpx
import pytest

from tests.fakes.html_pages import read_page
from tests.fakes.serving_form import KEY, LABEL_KEY, OTHER_KEY, FakeServing
from understudy.runtime.keys import make_key

pytestmark = pytest.mark.anyio

CLOSED = "/credit-risk/form"
UNKNOWN = "/no-such-name/form"
APPLICANT = {
    "in.age": "41",
    "in.income": "52000",
    "in.loan_amount": "8000",
    "in.loan_term_months": "24",
    "in.purpose": "car",
    "in.previous_default": "false",
    "in.region": "West",
}


async def _enter(browser: httpx.AsyncClient, path: str, key: str) -> httpx.Response:
    return await browser.post(path, data={"do": "enter", "key": key})


async def test_without_a_key_a_closed_deployment_looks_like_one_that_does_not_exist(
    browser: httpx.AsyncClient,
) -> None:
    closed, unknown = await browser.get(CLOSED), await browser.get(UNKNOWN)
    assert closed.status_code == unknown.status_code == 401
    assert closed.text.replace("credit-risk", "no-such-name") == unknown.text
    assert closed.headers.get("www-authenticate") == "Bearer"
    assert dict(closed.headers) | {"content-length": ""} == dict(unknown.headers) | {
        "content-length": ""
    }
    assert "income" not in closed.text


WRONG_KEYS = ("", "  ", "nonsense", make_key().plaintext, "us_ü_🔑")


@pytest.mark.parametrize("key", WRONG_KEYS, ids=["empty", "blank", "nonsense", "unknown", "odd"])
@pytest.mark.parametrize("data", [{}, APPLICANT])
async def test_neither_can_a_wrong_key_tell_them_apart(
    browser: httpx.AsyncClient, key: str, data: dict[str, str]
) -> None:
    sent = data | {"do": "enter", "key": key}
    closed, unknown = await browser.post(CLOSED, data=sent), await browser.post(UNKNOWN, data=sent)
    assert closed.status_code == unknown.status_code == 401
    assert closed.text.replace("credit-risk", "no-such-name") == unknown.text
    assert "set-cookie" not in closed.headers
    assert read_page(closed.text).one(id="key-error").text
    assert read_page(closed.text).one("input", id="key")["aria-invalid"] == "true"


async def test_a_key_for_something_else_finds_neither(browser: httpx.AsyncClient) -> None:
    closed, unknown = (
        await _enter(browser, CLOSED, OTHER_KEY),
        await _enter(browser, UNKNOWN, OTHER_KEY),
    )
    assert closed.status_code == unknown.status_code == 404
    assert closed.text.replace("credit-risk", "no-such-name") == unknown.text


async def test_a_key_without_the_scope_is_told_so(browser: httpx.AsyncClient) -> None:
    answer = await _enter(browser, CLOSED, LABEL_KEY)
    assert answer.status_code == 403
    assert "lacks the scope predict" in answer.text


async def test_an_impossible_name_is_no_page(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/No_Such%20Name/form")
    assert answer.status_code == 404
    assert read_page(answer.text).one("h1").text == "There is no such page"


async def test_entering_the_key_opens_the_form_and_predicts(
    browser: httpx.AsyncClient, serving: FakeServing
) -> None:
    entered = await _enter(browser, CLOSED, f" {KEY}\n")
    assert (entered.status_code, entered.headers["location"]) == (303, "form")
    form = await browser.get(CLOSED)
    assert read_page(form.text).one("h1").text == "Credit risk"
    answer = await browser.post(CLOSED, data=APPLICANT)
    assert answer.status_code == 200
    assert read_page(answer.text).all(class_="result__value")
    (deployment, row, key) = serving.asked[0]
    assert (deployment, key) == ("credit-risk", KEY)
    assert row["employment_years"] is None
    assert row["previous_default"] is False
    for page in (entered, form, answer):
        assert KEY not in page.text


@pytest.mark.parametrize(
    ("headers", "secure"), [({}, False), ({"X-Forwarded-Proto": "https"}, True)]
)
async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(
    browser: httpx.AsyncClient, headers: dict[str, str], *, secure: bool
) -> None:
    answer = await browser.post(CLOSED, data={"do": "enter", "key": KEY}, headers=headers)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/credit-risk/form" in cookie
    assert "max-age" not in cookie
    assert "expires" not in cookie
    assert ("secure" in cookie) is secure


async def test_forgetting_the_key_closes_the_form(browser: httpx.AsyncClient) -> None:
    await _enter(browser, CLOSED, KEY)
    left = await browser.post(CLOSED, data={"do": "leave"})
    assert left.status_code == 303
    assert (await browser.get(CLOSED)).status_code == 401


async def test_a_revoked_key_asks_again_keeps_the_values_and_then_goes_on(
    browser: httpx.AsyncClient,
) -> None:
    gone = make_key().plaintext
    browser.cookies.set("understudy_key", gone, domain="testserver.local", path=CLOSED)
    asked = await browser.post(CLOSED, data=APPLICANT)
    page = read_page(asked.text)
    assert asked.status_code == 401
    assert "unknown, revoked or expired" in page.text
    assert gone not in asked.text
    assert 'understudy_key=""' in asked.headers["set-cookie"]
    carried = {str(each["name"]): str(each["value"]) for each in page.all("input", type="hidden")}
    assert carried == APPLICANT | {"do": "enter"}
    form = read_page((await browser.post(CLOSED, data=carried | {"key": KEY})).text)
    income = form.one("div", data_field="income")
    assert income.one("input")["value"] == "52000"
    assert (await browser.get(CLOSED)).status_code == 200


async def test_a_public_form_needs_no_key_and_keeps_none(
    browser: httpx.AsyncClient, serving: FakeServing
) -> None:
    entered = await _enter(browser, "/iris/form", "nonsense")
    assert KEY not in entered.headers.get("set-cookie", "")
    browser.cookies.set("understudy_key", "nonsense", domain="testserver.local", path="/iris/form")
    names = ("sepal_length", "sepal_width", "petal_length", "petal_width")
    answer = await browser.post("/iris/form", data={f"in.{name}": "1" for name in names})
    assert answer.status_code == 200
    assert serving.asked[0][2] is None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_other_sites_may_not_send_the_form(
    browser: httpx.AsyncClient, serving: FakeServing, site: str
) -> None:
    answer = await browser.post("/iris/form", data={}, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert not serving.asked


async def test_neither_keys_nor_values_are_logged(
    browser: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await _enter(browser, CLOSED, KEY)
    await browser.post(CLOSED, data=APPLICANT | {"in.income": "987654321987"})
    assert KEY not in caplog.text
    assert "987654321987" not in caplog.text
