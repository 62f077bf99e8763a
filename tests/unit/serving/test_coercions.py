"""What best_effort reads values of the wrong type as, and what it leaves to be refused."""

import pytest

from services.serving.domain.errors import InvalidRowsError
from services.serving.domain.reading import MOST_NOTICES
from services.serving.domain.rows import Plan, Shape
from tests.fakes.serving import LOANS
from understudy.contracts.policy import GuardRule, Guards, Policy
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import (
    FeatureKind,
    GuardAction,
    Task,
    TypePolicy,
    WarningCode,
)

BEST_EFFORT = Policy(types=TypePolicy.BEST_EFFORT)
NUMBER = Feature("x", FeatureKind.NUMBER, minimum=-100.0, maximum=10_000.0)
NULLABLE = Feature("x", FeatureKind.NUMBER, nullable=True)
INTEGER = Feature("x", FeatureKind.INTEGER)
BOOLEAN = Feature("x", FeatureKind.BOOLEAN, nullable=True)
CODES = Feature("x", FeatureKind.CATEGORY, choices=("12", "7.0", "true", "Red", "a", "A"))
BLANK = Feature("x", FeatureKind.CATEGORY, choices=("none", "a"), nullable=True)
OPEN = Feature("x", FeatureKind.CATEGORY, choices=("12",), open_choices=True)


def plan_of(feature: Feature) -> Plan:
    return Plan(Signature((feature,), Target("y", Task.REGRESSION)))


@pytest.mark.parametrize(
    ("feature", "value", "cell", "message"),
    [
        (NUMBER, "12", 12.0, "'12' was read as 12"),
        (NUMBER, " 12.5 ", 12.5, "' 12.5 ' was read as 12.5"),
        (NUMBER, "1e3", 1_000.0, "'1e3' was read as 1000"),
        (NUMBER, "+.5", 0.5, "'+.5' was read as 0.5"),
        (NUMBER, True, 1.0, "true was read as 1"),
        (NUMBER, False, 0.0, "false was read as 0"),
        (NULLABLE, "", None, "'' was read as null"),
        (NULLABLE, " NaN", None, "' NaN' was read as null"),
        (NULLABLE, "None", None, "'None' was read as null"),
        (NULLABLE, "null", None, "'null' was read as null"),
        (INTEGER, "3", 3.0, "'3' was read as 3"),
        (INTEGER, "3.0", 3.0, "'3.0' was read as 3"),
        (INTEGER, True, 1.0, "true was read as 1"),
        (BOOLEAN, "true", 1.0, "'true' was read as true"),
        (BOOLEAN, "No ", 0.0, "'No ' was read as false"),
        (BOOLEAN, 1, 1.0, "1 was read as true"),
        (BOOLEAN, 0.0, 0.0, "0 was read as false"),
        (BOOLEAN, "0", 0.0, "'0' was read as false"),
        (BOOLEAN, "nan", None, "'nan' was read as null"),
        (CODES, 12, "12", "12 was read as '12'"),
        (CODES, 12.0, "12", "12 was read as '12'"),
        (CODES, 7, "7.0", "7 was read as '7.0'"),
        (CODES, True, "true", "true was read as 'true'"),
        (CODES, " red", "Red", "' red' was read as 'Red'"),
        (BLANK, "  ", None, "'  ' was read as null"),
        (BLANK, "None", "none", "'None' was read as 'none'"),
        (OPEN, 12, "12", "12 was read as '12'"),
    ],
)
def test_what_is_plainly_meant_is_read_and_told(
    feature: Feature, value: object, cell: object, message: str
) -> None:
    draft = plan_of(feature).read([{"x": value}], BEST_EFFORT)
    assert draft.cells == [(cell,)]
    (notice,) = draft.notices[0]
    assert (notice.code, notice.feature, notice.message) == (WarningCode.COERCED, "x", message)
    assert draft.coercions == 1
    with pytest.raises(InvalidRowsError):
        plan_of(feature).read([{"x": value}], Policy())


@pytest.mark.parametrize(
    ("feature", "value"),
    [
        (NUMBER, ""),
        (NUMBER, "nan"),
        (NUMBER, "1,5"),
        (NUMBER, "1_000"),
        (NUMBER, "0x10"),
        (NUMBER, "inf"),
        (NUMBER, "1e999"),
        (NUMBER, "true"),
        (NUMBER, "٣"),
        (NUMBER, "0" * 101),
        (NUMBER, ["12"]),
        (NUMBER, None),
        (NULLABLE, "n/a"),
        (NULLABLE, " " * 1_000),
        (INTEGER, 3.7),
        (INTEGER, "3.7"),
        (BOOLEAN, 2),
        (BOOLEAN, "on"),
        (BOOLEAN, "true" + " " * 200),
        (CODES, 13),
        (CODES, 12.5),
        (CODES, 10**400),
        (CODES, float("nan")),
        (CODES, " a"),
        (CODES, ""),
        (BLANK, "nan"),
        (OPEN, 13),
        (OPEN, True),
    ],
)
def test_what_is_not_plain_stays_an_error(feature: Feature, value: object) -> None:
    with pytest.raises(InvalidRowsError):
        plan_of(feature).read([{"x": value}], BEST_EFFORT)


def test_a_missing_feature_is_not_filled_in() -> None:
    with pytest.raises(InvalidRowsError) as refused:
        plan_of(NULLABLE).read([{}], BEST_EFFORT)
    assert "is missing" in refused.value.detail


def test_a_blank_choice_is_a_choice_and_not_null() -> None:
    blank = Feature("x", FeatureKind.CATEGORY, choices=(" ", "a"), nullable=True)
    assert plan_of(blank).read([{"x": ""}], BEST_EFFORT).cells == [(" ",)]


def test_an_open_category_keeps_its_texts_as_they_are() -> None:
    draft = plan_of(OPEN).read([{"x": " 12"}], BEST_EFFORT)
    assert (draft.cells, draft.notices) == ([(" 12",)], {})


def test_members_that_are_no_features_are_left_out_and_named() -> None:
    row = {"x": 1.0, "y": 2, "z" * 200: 3}
    draft = plan_of(NUMBER).read([row], BEST_EFFORT)
    assert draft.cells == [(1.0,)]
    assert [notice.feature for notice in draft.notices[0]] == ["y", "z" * 128]
    assert "left out" in draft.notices[0][0].message
    assert draft.coercions == 2


def test_a_number_read_from_text_is_still_held_to_its_range() -> None:
    with pytest.raises(InvalidRowsError) as refused:
        plan_of(NUMBER).read([{"x": "-101"}], BEST_EFFORT)
    assert refused.value.detail == "x: must be a number between -100 and 10000; got '-101'"
    flagging = Policy(
        types=TypePolicy.BEST_EFFORT, guards=Guards(out_of_range=GuardRule(GuardAction.FLAG))
    )
    draft = plan_of(NUMBER).read([{"x": "-101"}], flagging)
    assert [notice.code for notice in draft.notices[0]] == ["coerced", "out_of_range"]
    assert draft.notices[0][1].message == "-101 is below the legal minimum of -100"


def test_errors_and_readings_of_a_row_do_not_mix() -> None:
    row = {"income": "5", "age": 3.5, "purpose": "CAR", "employed": 1, "town": "X"}
    with pytest.raises(InvalidRowsError) as refused:
        Plan(LOANS).read([row], BEST_EFFORT)
    assert [error.pointer for error in refused.value.errors] == ["/age"]


def test_notices_are_bounded_and_the_rest_is_counted() -> None:
    extra = {f"extra{number}": 0 for number in range(8)}
    draft = plan_of(NUMBER).read([{"x": 1.0, **extra}] * 1_000, BEST_EFFORT, Shape.ROWS)
    assert sum(map(len, draft.notices.values())) <= 3 * MOST_NOTICES
    assert {len(notices) for notices in draft.notices.values()} == {6}
    assert draft.notices[999][-1].message == "and 3 more values"
    assert draft.coercions == 8_000
