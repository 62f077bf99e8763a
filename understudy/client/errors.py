"""What a call may raise: the service's refusal as it worded it, or that nobody answered."""

from typing import Final

import httpx
from pydantic import ValidationError

from understudy.contracts.problems import Problem

_NO_ROUTE: Final = frozenset({"Not Found", "Method Not Allowed", "There is nothing at this path."})
"""What the services say of a path that is none of theirs: likely it is another one's."""

_CONFLICTS: Final = frozenset({409, 412})


class ClientError(Exception):
    """A call did not bring what was asked for; its message is fit to be shown."""


class ProblemError(ClientError):
    """The service refused. `problem` is what it said; `str()` names each field that is wrong."""

    def __init__(self, problem: Problem) -> None:
        super().__init__("\n".join(_lines(problem)))
        self.problem = problem

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def conflict(self) -> bool:
        """Whether what was asked for does not fit the present state, as when another was faster."""
        return self.status in _CONFLICTS

    @property
    def code(self) -> str:
        """The stable code, for programs."""
        return self.problem.code


def _lines(problem: Problem) -> list[str]:
    """The refusal, then each field; what its fields say already is not said before them as well."""
    fields = [f"  {e.pointer or '/'}: {e.message}" for e in problem.errors]
    before = _before(problem)
    if before is None:
        return [problem.detail, *fields]
    return [f"{before}:", *fields] if before else [field.strip() for field in fields]


def _before(problem: Problem) -> str | None:
    """What the refusal says before the words of its fields; None where it ends in others."""
    said = [error.message.rstrip(".") for error in problem.errors]
    detail = problem.detail.rstrip(".")
    places = [detail.lower().find(words.lower()) for words in said]
    if not said or min(places) < 0 or not detail.lower().endswith(said[-1].lower()):
        return None
    return detail[: min(places)].rstrip(" :")


class UnreachableError(ClientError):
    """Nobody answered at the URL, or not in time."""

    def __init__(self, service: str, url: str, setting: str, error: Exception) -> None:
        reason = str(error) or type(error).__name__
        super().__init__(
            f"{service.capitalize()} does not answer at {url} ({reason}). "
            f"Start it with 'understudy up', or give its address as {setting}."
        )
        self.url = url


class UnexpectedAnswerError(ClientError):
    """Something answered, but not what this client knows: another program, or another version."""

    def __init__(self, service: str, url: str, setting: str, what: str) -> None:
        super().__init__(
            f"The answer of {url} is not that of {service} ({what}). Is that {service}, and of "
            f"this version of Understudy? Its address is given as {setting}."
        )


class JobUnfinishedError(ClientError):
    """Work that was begun takes longer than its caller wanted to wait; it goes on."""

    def __init__(self, job_id: str, seconds: float) -> None:
        super().__init__(
            f"The job {job_id} has not ended after {seconds:g} s. It goes on: look at it with "
            f"'understudy jobs {job_id}'."
        )


def failure_of(answer: httpx.Response, service: str, setting: str) -> ClientError:
    """Why a call failed: a refusal in the service's words, or somebody else's answer."""
    told = f"{answer.status_code} {answer.reason_phrase}".rstrip()
    problem = _problem_in(answer)
    if problem is not None and problem.detail not in _NO_ROUTE:
        return ProblemError(problem)
    if answer.request.method == "HEAD" or answer.is_server_error:  # no body, or a proxy's
        detail = f"{answer.request.method} {answer.request.url} answered {told}. Is that {service}?"
        status, code = answer.status_code, f"http_{answer.status_code}"
        return ProblemError(Problem(title=told, status=status, detail=detail, code=code))
    return UnexpectedAnswerError(service, str(answer.request.url), setting, told)


def _problem_in(answer: httpx.Response) -> Problem | None:
    try:
        return Problem.model_validate_json(answer.content)
    except ValidationError:
        return None
