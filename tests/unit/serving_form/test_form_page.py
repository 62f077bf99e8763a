"""The form as a browser without script meets it: GET, POST, errors beside the fields."""

import httpx
import pytest

from services.serving.domain.errors import BusyError, LowConfidenceError, ScoringFailedError
from services.serving.operations import Answer
from tests.fakes.html_pages import Element, read_page
from tests.fakes.serving_form import CATEGORY, CREDIT, IRIS, NUMBER, FakeServing, card, form_app
from understudy.contracts.policy import GuardRule, Guards, Policy
from understudy.contracts.refusals import FieldError
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import AccessLevel, GuardAction, Task
from understudy.runtime.documents import security_headers

pytestmark = pytest.mark.anyio

EXAMPLE = {
    "in.sepal_length": "5.1",
    "in.sepal_width": "3.5",
    "in.petal_length": "1.4",
    "in.petal_width": "0.2",
}
XSS = '"><script>alert(1)</script>'


def _field(page: Element, feature: str) -> Element:
    return page.one("div", data_field=feature)


async def test_the_form_shows_labels_units_ranges_and_examples(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/iris/form")
    page = read_page(answer.text)
    assert answer.status_code == 200
    assert page.one("h1").text == "Iris"
    assert page.one(data_part="model").text == "iris-model version 3"
    length = _field(page, "sepal_length")
    box = length.one("input")
    assert length.one("label", for_=str(box["id"])).text == "Sepal length"
    assert (box["name"], box["value"], box["inputmode"]) == ("in.sepal_length", "5.1", "decimal")
    assert length.text == "Sepal length cm 0.1 to 10"


async def test_every_control_is_named_and_described(serving: FakeServing) -> None:
    serving.cards = [card("credit", CREDIT, AccessLevel.PUBLIC)]
    async with _client(serving) as browser:
        page = read_page((await browser.get("/credit/form")).text)
    ids = {element["id"] for element in page.inside if "id" in element}
    named = {label["for"] for label in page.all("label") if "for" in label}
    for feature in CREDIT.names:
        field = _field(page, feature)
        (control,) = [each for each in field.inside if "aria-describedby" in each]
        assert set(str(control["aria-describedby"]).split()) <= ids
        assert control["id"] in named or control["aria-labelledby"] in ids
    home = _field(page, "home_ownership")
    assert [radio["value"] for radio in home.all("input", type="radio")] == [
        *("rent", "mortgage", "own"),
        "",
    ]
    assert [radio["value"] for radio in home.inside if "checked" in radio] == ["rent"]
    purpose = _field(page, "purpose").one("select")
    assert [each.text for each in purpose.all("option") if "selected" in each] == ["Car"]
    region = _field(page, "region").one("input")
    assert page.one("datalist", id=str(region["list"])).all("option", value="South")
    assert "required" not in _field(page, "employment_years").one("input")
    assert "optional" in _field(page, "employment_years").text
    assert "required" in _field(page, "age").one("input")


async def test_a_prediction_shows_the_class_the_bars_and_keeps_the_values(
    browser: httpx.AsyncClient, serving: FakeServing
) -> None:
    serving.answer_with = Answer(
        "id-7", "virginica", {"setosa": 0.05, "versicolor": 0.2, "virginica": 0.75}, "flowers", 9
    )
    answer = await browser.post("/iris/form", data=EXAMPLE | {"in.sepal_length": "6.25"})
    page = read_page(answer.text)
    result = page.one(data_part="result")
    assert answer.status_code == 200
    assert result.one(class_="result__value").text == "Virginica"
    assert [row.text for row in result.all("li")] == [
        "Virginica 75 %",
        "Versicolor 20 %",
        "Setosa 5 %",
    ]
    assert [rect["width"] for rect in result.all("rect", class_="bars__fill")] == [
        *("75.00%", "20.00%", "5.00%"),
    ]
    assert "flowers, version 9" in result.text
    assert result.one("code").text == "id-7"
    assert _field(page, "sepal_length").one("input")["value"] == "6.25"
    assert page.one(id="outcome").inside.count(result)
    assert serving.asked[0][1]["sepal_length"] == 6.25


async def test_a_number_is_shown_with_its_unit(
    browser: httpx.AsyncClient, serving: FakeServing
) -> None:
    serving.answer_with = Answer("id-8", 1234.5, None, "rent", 1)
    data = {"in.area": "64", "in.rooms": "2", "in.balance": "-3"}
    page = read_page((await browser.post("/rent/form", data=data)).text)
    assert page.one(class_="result__value").text == "1 234.5 €"
    assert "inputmode" not in _field(page, "balance").one("input")


async def test_bad_values_are_explained_beside_their_fields_and_kept(
    browser: httpx.AsyncClient, serving: FakeServing
) -> None:
    data = {"in.sepal_length": "99", "in.sepal_width": "3,5", "in.petal_length": "1.4"}
    answer = await browser.post("/iris/form", data=data)
    page = read_page(answer.text)
    assert answer.status_code == 422
    assert not serving.asked
    length, width = _field(page, "sepal_length"), _field(page, "sepal_width")
    assert "Must be a number between 0.1 and 10; got 99" in length.text
    assert "with a point for decimals" in width.text
    assert "Fill this in." in _field(page, "petal_width").text
    assert (length.one("input")["value"], width.one("input")["value"]) == ("99", "3,5")
    assert length.one("input")["aria-invalid"] == "true"
    assert "aria-invalid" not in _field(page, "petal_length").one("input")
    summary = page.one(id="outcome")
    assert summary.text.startswith("3 values need another look")
    assert {link["href"] for link in summary.all("a")} == {
        f"#{each.one('input')['id']}" for each in (length, width, _field(page, "petal_width"))
    }
    assert page.one("title").text.startswith("Problem: ")
    assert not page.all(class_="result__value")


@pytest.mark.parametrize(
    ("rule", "beyond", "value", "caution"),
    [
        (GuardRule(GuardAction.FLAG), "carry a warning", None, "Take this answer with care"),
        (
            GuardRule(GuardAction.OVERRIDE, "ask a botanist"),
            "a rule will answer",
            "ask a botanist",
            "A rule answered instead of the model",
        ),
    ],
)
async def test_a_number_out_of_range_is_answered_where_the_policy_says_so(
    serving: FakeServing, rule: GuardRule, beyond: str, value: str | None, caution: str
) -> None:
    policy = Policy(guards=Guards(out_of_range=rule))
    serving.cards = [card("iris", IRIS, AccessLevel.PUBLIC, policy=policy)]
    async with _client(serving) as browser:
        before = read_page((await browser.get("/iris/form")).text)
        answer = await browser.post("/iris/form", data=EXAMPLE | {"in.petal_width": "9"})
    assert beyond in str(_field(before, "petal_width")["data-beyond"])
    page = read_page(answer.text)
    assert answer.status_code == 200
    assert value in {None, page.one(class_="result__value").text}
    assert bool(page.all("li", class_="bars__row")) is (value is None)
    assert page.one(class_="warnings__title").text == caution
    assert "Petal width: 9 is above the legal maximum of 4." in page.one(class_="warnings").text
    noted = _field(page, "petal_width")
    assert noted.one("p", class_="field__note").text == "9 is above the legal maximum of 4"
    assert str(noted.one("p", class_="field__note")["id"]) in str(
        noted.one("input")["aria-describedby"]
    )


async def test_where_numbers_out_of_range_are_refused_no_field_says_otherwise(
    browser: httpx.AsyncClient,
) -> None:
    page = read_page((await browser.get("/iris/form")).text)
    assert not [each for each in page.inside if "data-beyond" in each]


async def test_a_model_that_is_not_sure_enough_is_explained(
    browser: httpx.AsyncClient, serving: FakeServing
) -> None:
    why = "the model is not sure enough: its largest probability, 0.5, is below 0.8"
    serving.refuse_with = LowConfidenceError(why, FieldError("", why))
    answer = await browser.post("/iris/form", data=EXAMPLE)
    assert answer.status_code == 422
    outcome = read_page(answer.text).one(id="outcome").text
    assert outcome == f"There is no prediction T{why[1:]}"


async def test_an_option_that_is_none_of_the_choices_is_refused(serving: FakeServing) -> None:
    signature = Signature(
        (Feature("colour", CATEGORY, choices=("red", "blue")),), Target("y", Task.REGRESSION)
    )
    serving.cards = [card("c", signature, AccessLevel.PUBLIC)]
    async with _client(serving) as browser:
        answer = await browser.post("/c/form", data={"in.colour": "green"})
    assert answer.status_code == 422
    assert "Must be one of 'red', 'blue'" in _field(read_page(answer.text), "colour").text


@pytest.mark.parametrize(
    ("refusal", "status", "retry"),
    [
        (BusyError("Too much to do. Try again shortly.", retry_after=2), 503, "2"),
        (ScoringFailedError("The model could not answer this row."), 500, None),
    ],
)
async def test_when_serving_can_not_answer_the_form_says_so_and_keeps_the_values(
    browser: httpx.AsyncClient,
    serving: FakeServing,
    refusal: BusyError,
    status: int,
    retry: str | None,
) -> None:
    serving.refuse_with = refusal
    answer = await browser.post("/iris/form", data=EXAMPLE)
    page = read_page(answer.text)
    assert (answer.status_code, answer.headers.get("retry-after")) == (status, retry)
    assert refusal.detail in page.one(id="outcome").text
    assert _field(page, "petal_width").one("input")["value"] == "0.2"


async def test_whatever_is_shown_is_escaped(serving: FakeServing) -> None:
    signature = Signature(
        (
            Feature(f"n{XSS}", NUMBER, f"l{XSS}", f"d{XSS}", f"u{XSS}", example=f"e{XSS}"),
            Feature("pick", CATEGORY, choices=(XSS, "b")),
            Feature("many", CATEGORY, choices=(XSS, *"abcd")),
            Feature("free", CATEGORY, choices=(XSS,), open_choices=True, example=XSS),
        ),
        Target("y", Task.CLASSIFICATION, (XSS, "b"), label=f"t{XSS}"),
    )
    serving.cards = [card("x", signature, AccessLevel.PUBLIC, f"about {XSS}")]
    serving.answer_with = Answer(XSS, XSS, {XSS: 0.6, "b": 0.4}, XSS, 1)
    good = {f"in.n{XSS}": "1", "in.pick": XSS, "in.many": XSS, "in.free": XSS}
    async with _client(serving) as browser:
        pages = [
            await browser.get("/x/form"),
            await browser.post("/x/form", data=good),
            await browser.post("/x/form", data=good | {f"in.n{XSS}": XSS, "in.pick": XSS * 2}),
            await browser.get(f"/{XSS.replace('/', '')}/form"),
            await browser.post("/none/form", data={"do": "enter", "key": XSS, f"in.{XSS}": XSS}),
        ]
    assert [page.status_code for page in pages] == [200, 200, 422, 404, 401]
    for page in pages:
        assert "<script>alert" not in page.text
        assert len(read_page(page.text).all("script")) <= 1


@pytest.mark.parametrize(
    ("method", "path", "data"),
    [
        ("GET", "/iris/form", None),
        ("POST", "/iris/form", EXAMPLE),
        ("POST", "/iris/form", {}),
        ("GET", "/credit-risk/form", None),
        ("GET", "/No-Name/form", None),
    ],
)
async def test_every_page_is_strict_about_what_it_loads_and_is_kept_by_nobody(
    browser: httpx.AsyncClient, method: str, path: str, data: dict[str, str] | None
) -> None:
    answer = await browser.request(method, path, data=data)
    for name, value in security_headers().items():
        assert answer.headers[name] == value
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    for element in read_page(answer.text).inside:
        assert "style" not in element
        assert not [name for name in element.attributes if name.startswith("on")]
        for name in ("src", "href", "action"):
            address = element.attributes.get(name) or ""
            assert address.startswith(("../static/", "#")) or address in {"", "form"}


def _client(serving: FakeServing) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(form_app(serving)), base_url="http://testserver"
    )
