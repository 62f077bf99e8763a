"""A refusal in words: each thing once."""

from understudy.client import ProblemError
from understudy.contracts.problems import Problem

POINTER = "/policy/judging/comparison/clip"


def told(detail: str, *messages: str) -> str:
    body = {
        "title": "Refused",
        "status": 422,
        "detail": detail,
        "code": "invalid_policy",
        "errors": [{"pointer": POINTER, "message": message} for message in messages],
    }
    return str(ProblemError(Problem.model_validate(body)))


def test_the_same_sentence_stands_once() -> None:
    assert told("No two losses differ so.", "no two losses differ so") == (
        f"{POINTER}: no two losses differ so"
    )


def test_what_stands_before_it_is_kept() -> None:
    assert told("The policy does not fit: too large; too late.", "too large", "too late") == (
        f"The policy does not fit:\n  {POINTER}: too large\n  {POINTER}: too late"
    )


def test_what_is_more_is_told() -> None:
    assert told("Two are wrong.", "a", "b") == f"Two are wrong.\n  {POINTER}: a\n  {POINTER}: b"


def test_a_refusal_of_no_field() -> None:
    assert told("Nobody may.") == "Nobody may."
