"""Problems in the form that MLflow's clients raise as MlflowException: `error_code` and `message`.

The problem's own members stay beside them: code, request id, which member is wrong.
"""

from collections.abc import Mapping
from typing import Any, Final

from understudy.contracts.problems import Problem


class MlflowError(Problem):
    """The body of a refusal."""

    error_code: str
    message: str


REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"model": MlflowError, "description": "Refused: `message` says why and what to do."},
    "503": {"model": MlflowError, "description": "Not now: see `Retry-After`."},
}
"""What routes may answer, for their description."""
PREFIX: Final = "/api/"
_BY_CODE: Final[Mapping[str, str]] = {
    "name_taken": "RESOURCE_ALREADY_EXISTS",
    "unknown_reference": "RESOURCE_DOES_NOT_EXIST",
}
_BY_STATUS: Final[Mapping[int, str]] = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    405: "ENDPOINT_NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "INVALID_STATE",
    412: "INVALID_STATE",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    501: "NOT_IMPLEMENTED",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_OTHERWISE: Final = "INVALID_PARAMETER_VALUE"


def speaks_mlflow(path: str) -> bool:
    """Whether a path is of MLflow's protocol."""
    return path.startswith(PREFIX)


def mlflow_error(problem: Mapping[str, Any]) -> Mapping[str, Any]:
    """The problem's members, and MLflow's."""
    code, status = str(problem.get("code", "")), int(problem.get("status", 500))
    named = _BY_CODE.get(code) or _BY_STATUS.get(status, _OTHERWISE)
    return {"error_code": named, "message": problem.get("detail", "The request failed."), **problem}
