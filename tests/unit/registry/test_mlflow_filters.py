"""MLflow's filter strings, pure."""

import pytest

from services.registry.domain.mlflow_filters import Condition, Filter, Subject, Terms, like
from services.registry.domain.mlflow_refusals import InvalidFilterError

TERMS = Terms(frozenset({"name"}), frozenset({"version_number"}), (("name", False),))
SUBJECT = Subject({"name": "credit", "version_number": 3}, {"a b": "It's", "stage": "x"})


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("", True),
        ("  ", True),
        ("name = 'credit'", True),
        ('name="credit"', True),
        ("attribute.name = 'credit'", True),
        ("name != 'credit'", False),
        ("name <> 'other'", True),
        ("name LIKE 'cr%'", True),
        ("name like 'CR%'", False),
        ("name ILIKE 'CR%t'", True),
        ("name LIKE '_redit'", True),
        ("name IN ('a', 'credit')", True),
        ("name NOT IN ('a', 'credit')", False),
        ("tags.`a b` = 'It''s'", True),
        ("tag.\"a b\" ILIKE 'it%'", True),
        ("tags.absent != 'x'", False),
        ("tags.stage='x' and version_number >= 3 AND version_number < 4", True),
        ("version_number > 3", False),
        ("tag.`mlflow.prompt.is_prompt` != 'true'", True),
        ("tag.`mlflow.prompt.is_prompt` = 'false'", True),
        ("tag.`mlflow.prompt.is_prompt` = 'true'", False),
    ],
)
def test_filters_hold(text: str, holds: bool) -> None:
    assert TERMS.filter(text).holds(SUBJECT) is holds


@pytest.mark.parametrize(
    "text",
    [
        "name",
        "name =",
        "= 'a'",
        "name = credit",
        "name > 'a'",
        "name = 'a",
        "name = 'a' name = 'b'",
        "name = 'a' AND",
        "name IN 'a'",
        "name IN ('a'",
        "name NOT 'a'",
        "version_number LIKE '3'",
        "version_number = '3'",
        "tags.a IN ('x')",
        "run.a = 'x'",
        "name = 'a' OR name = 'b'",
        "(" * 5_000,
        "x" * 10_001,
    ],
)
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilterError) as refused:
        TERMS.filter(text)
    assert refused.value.errors[0].pointer == "/filter"


def test_one_name_is_known_beforehand() -> None:
    assert TERMS.filter("version_number = 1 AND name = 'a'").name == "a"
    assert TERMS.filter("tag.name = 'a'").name is None
    assert Filter((Condition("name", "LIKE", ("a",)),)).name is None


@pytest.mark.parametrize(
    ("clauses", "keys"),
    [
        ([], (("name", False),)),
        (["version_number DESC"], (("version_number", True), ("name", False))),
        (["attribute.name asc", "version_number"], (("name", False), ("version_number", False))),
    ],
)
def test_orders(clauses: list[str], keys: object) -> None:
    assert TERMS.ordered(clauses).keys == keys


@pytest.mark.parametrize("clause", ["price", "name UP", "name ASC DESC", "name; DROP", ""])
def test_orders_that_are_not_understood(clause: str) -> None:
    with pytest.raises(InvalidFilterError):
        TERMS.ordered([clause])


@pytest.mark.parametrize(
    ("text", "pattern", "holds"),
    [
        ("", "", True),
        ("", "%", True),
        ("abc", "a%c", True),
        ("abc", "a%b", False),
        ("abcbc", "a%bc", True),
        ("a.c", "a_c", True),
        ("abc", "abc%%", True),
        ("abc", "____", False),
        ("a" * 5_000, "%a" * 1_000 + "b", False),
    ],
)
def test_like(text: str, pattern: str, holds: bool) -> None:
    assert like(text, pattern) is holds
