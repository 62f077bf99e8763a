"""What a call may raise: the service's refusal as it worded it, or that nobody answered."""

import httpx
from pydantic import ValidationError

from understudy.contracts.problems import Problem


class ClientError(Exception):
    """A call did not bring what was asked for; its message is fit to be shown."""


class ProblemError(ClientError):
    """The service refused. `problem` is what it said; `str()` names each field that is wrong."""

    def __init__(self, problem: Problem) -> None:
        lines = [problem.detail, *(f"  {e.pointer or '/'}: {e.message}" for e in problem.errors)]
        super().__init__("\n".join(lines))
        self.problem = problem

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def code(self) -> str:
        """The stable code, for programs."""
        return self.problem.code


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

    def __init__(self, service: str, url: str, what: str) -> None:
        super().__init__(
            f"The answer of {url} is not that of {service} ({what}). "
            "Is it another program, or another version of Understudy?"
        )


def problem_of(answer: httpx.Response) -> Problem:
    """The problem body of a failed call; made from the status when there is none."""
    try:
        return Problem.model_validate_json(answer.content)
    except ValidationError:
        return Problem(
            title=answer.reason_phrase or "Error",
            status=answer.status_code,
            detail=f"{answer.request.method} {answer.request.url} answered "
            f"{answer.status_code} {answer.reason_phrase}",
            code=f"http_{answer.status_code}",
        )
