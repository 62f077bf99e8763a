"""A person at the form, with and without script, by mouse and by keyboard, wide and narrow."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.fakes.serving_form import IRIS, KEY, FakeServing, card
from understudy.contracts.policy import GuardRule, Guards, Policy
from understudy.contracts.vocabulary import AccessLevel, GuardAction
from understudy.runtime.keys import UnauthenticatedError


def _predict(page: Page) -> None:
    page.get_by_role("button", name="Predict").click()


def _enter_key(page: Page) -> None:
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Continue").click()


def test_a_prediction_appears_without_a_reload(page: Page, complaints: list[str]) -> None:
    page.goto("/iris/form")
    page.evaluate("window.mark = 1")
    page.get_by_label("Sepal length").fill("6.3")
    _predict(page)
    expect(page.locator(".result__value")).to_have_text("Setosa")
    expect(page.locator(".bars li")).to_have_count(3)
    assert page.evaluate("window.mark") == 1
    expect(page.get_by_label("Sepal length")).to_have_value("6.3")
    expect(page.locator("[data-part=result]")).to_have_attribute("aria-live", "polite")
    assert complaints == []


def test_the_prediction_id_can_be_copied(page: Page) -> None:
    page.goto("/iris/form")
    _predict(page)
    page.get_by_role("button", name="Copy id").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("[data-id]").inner_text()


def test_bad_input_is_named_beside_the_field_and_focused(page: Page, complaints: list[str]) -> None:
    page.goto("/credit-risk/form")
    _enter_key(page)
    age, income = page.get_by_label("Age", exact=True), page.get_by_label("Yearly income")
    age.fill("17")
    income.fill("")
    _predict(page)
    expect(age).to_be_focused()
    expect(age).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#field-0-error")).to_contain_text("between 18 and 100")
    expect(page.locator("#field-1-error")).to_have_text("Fill this in.")
    expect(page.get_by_role("alert")).to_contain_text("2 values need another look")
    age.fill("18")
    expect(page.locator("#field-0-error")).to_have_text("")
    income.fill("30000")
    _predict(page)
    expect(page.locator(".result__value")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    assert complaints == []


def test_a_number_out_of_range_is_noticed_before_it_is_sent(
    page: Page, serving: FakeServing
) -> None:
    page.goto("/iris/form")
    box, hint = page.get_by_label("Petal width"), page.locator("#field-3-hint")
    box.press_sequentially("9")
    expect(hint).to_have_class("field__hint field__hint--off")
    box.blur()
    expect(page.locator("#field-3-error")).to_have_text("Must be at most 4.")
    box.fill("1.5")
    expect(hint).to_have_class("field__hint")
    expect(page.locator("#field-3-error")).to_have_text("")
    assert serving.asked == []


def test_a_number_out_of_range_is_sent_where_the_policy_takes_it(
    page: Page, serving: FakeServing, complaints: list[str]
) -> None:
    flagging = Policy(guards=Guards(out_of_range=GuardRule(GuardAction.FLAG)))
    serving.cards = [card("iris", IRIS, AccessLevel.PUBLIC, policy=flagging)]
    page.goto("/iris/form")
    box, note = page.get_by_label("Petal width"), page.locator("#field-3-note")
    box.fill("9")
    expect(note).to_have_text("Out of range: the answer will carry a warning.")
    box.blur()
    expect(page.locator("#field-3-error")).to_have_text("")
    _predict(page)
    expect(page.locator(".warnings")).to_contain_text("9 is above the legal maximum of 4.")
    expect(note).to_have_text("9 is above the legal maximum of 4")
    box.fill("1")
    expect(note).to_have_text("")
    assert complaints == []


def test_a_rules_answer_is_told_from_a_models(page: Page, serving: FakeServing) -> None:
    ruled = Policy(guards=Guards(out_of_range=GuardRule(GuardAction.OVERRIDE, "virginica")))
    serving.cards = [card("iris", IRIS, AccessLevel.PUBLIC, policy=ruled)]
    page.goto("/iris/form")
    page.get_by_label("Petal width").fill("9")
    _predict(page)
    expect(page.locator(".result__value")).to_have_text("Virginica")
    expect(page.get_by_text("Answered by a rule", exact=True)).to_be_visible()
    expect(page.locator(".bars")).to_have_count(0)


def test_a_changed_value_marks_the_answer_as_older(page: Page) -> None:
    page.goto("/iris/form")
    _predict(page)
    expect(page.locator(".result__value")).to_be_visible()
    expect(page.get_by_text("The values have changed since.")).to_be_hidden()
    page.get_by_label("Sepal width").fill("2")
    expect(page.get_by_text("The values have changed since.")).to_be_visible()
    _predict(page)
    expect(page.get_by_text("The values have changed since.")).to_be_hidden()


def test_an_example_can_be_tried(page: Page) -> None:
    page.goto("/credit-risk/form")
    _enter_key(page)
    page.get_by_label("Age", exact=True).fill("x")
    page.get_by_label("Purpose").select_option("holiday")
    page.get_by_role("radio", name="Own", exact=True).check()
    page.get_by_role("radio", name="Yes").check()
    page.get_by_text("Try an example").click()
    expect(page.get_by_label("Age", exact=True)).to_have_value("36")
    expect(page.get_by_label("Purpose")).to_have_value("car")
    expect(page.get_by_role("radio", name="Rent", exact=True)).to_be_checked()
    expect(page.get_by_role("radio", name="No", exact=True)).to_be_checked()
    expect(page.locator(".field--bad")).to_have_count(0)


def test_the_keyboard_is_enough(page: Page) -> None:
    page.goto("/credit-risk/form")
    expect(page.get_by_label("API key")).to_be_focused()
    page.keyboard.type(KEY)
    page.keyboard.press("Enter")
    page.wait_for_selector("#form")
    page.get_by_label("Age", exact=True).focus()
    names = []
    for _ in range(11):
        names.append(
            page.evaluate("document.activeElement.name || document.activeElement.textContent")
        )
        page.keyboard.press("Tab")
    assert names[0] == "in.age"
    assert names[6:] == [
        *("in.home_ownership", "in.previous_default", "in.months_since_delinquency", "in.region"),
        "Predict",
    ]
    page.get_by_label("Age", exact=True).press("Enter")
    expect(page.locator(".result__value")).to_be_visible()


def test_the_key_stays_out_of_the_page_and_of_what_scripts_can_read(
    page: Page, context: BrowserContext
) -> None:
    page.goto("/credit-risk/form")
    _enter_key(page)
    _predict(page)
    expect(page.locator(".result__value")).to_be_visible()
    readable = page.evaluate(
        "document.cookie + JSON.stringify([{...localStorage}, {...sessionStorage}])"
    )
    assert KEY not in readable + page.content() + page.url
    (cookie,) = context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["expires"]) == (True, "Strict", -1)
    page.reload()
    expect(page.get_by_label("Age", exact=True)).to_be_visible()
    page.get_by_role("button", name="Forget my key").click()
    expect(page.get_by_label("API key")).to_be_visible()
    assert context.cookies() == []


def test_a_key_revoked_meanwhile_is_asked_for_again_and_the_values_stay(
    page: Page, serving: FakeServing
) -> None:
    page.goto("/credit-risk/form")
    _enter_key(page)
    page.get_by_label("Yearly income").fill("61000")
    serving.refuse_with = UnauthenticatedError("The API key is not valid.")
    _predict(page)
    expect(page.get_by_label("API key")).to_be_visible()
    expect(page.get_by_text("The API key is not valid.")).to_be_visible()
    serving.refuse_with = None
    _enter_key(page)
    expect(page.get_by_label("Yearly income")).to_have_value("61000")


def test_when_the_service_is_gone_the_values_stay(page: Page) -> None:
    page.goto("/iris/form")
    page.get_by_label("Sepal length").fill("6.3")
    page.route("**/form", lambda route: route.abort())
    _predict(page)
    expect(page.get_by_role("alert")).to_contain_text("could not be reached")
    expect(page.get_by_label("Sepal length")).to_have_value("6.3")
    page.unroute("**/form")
    _predict(page)
    expect(page.locator(".result__value")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_without_script_the_whole_way_works(plain_page: Page) -> None:
    page = plain_page
    page.goto("/credit-risk/form")
    page.get_by_label("API key").fill("wrong")
    page.get_by_role("button", name="Continue").click()
    expect(page.locator("#key-error")).to_contain_text("not valid")
    _enter_key(page)
    page.get_by_label("Age", exact=True).fill("seventeen")
    _predict(page)
    expect(page.locator("#field-0-error")).to_contain_text("Write a number")
    expect(page.get_by_label("Age", exact=True)).to_have_value("seventeen")
    expect(page.locator(".problems")).to_be_in_viewport()
    page.get_by_label("Age", exact=True).fill("47")
    _predict(page)
    expect(page.locator(".result__value")).to_be_in_viewport()
    expect(page.get_by_role("button", name="Copy id")).to_be_hidden()
    page.get_by_text("Try an example").click()
    expect(page.get_by_label("Age", exact=True)).to_have_value("36")


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("path", ["/iris/form", "/credit-risk/form"])
def test_nothing_is_cut_off_at_any_width(page: Page, width: int, path: str) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(path)
    if page.get_by_label("API key").count():
        _enter_key(page)
    _predict(page)
    expect(page.locator(".result__value")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for box in page.locator(".box, .choice, .actions .button").all():
        area = box.bounding_box()
        assert area is not None
        assert area["height"] >= 44
        assert area["x"] >= 0
        assert area["x"] + area["width"] <= width
