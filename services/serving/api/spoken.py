"""Errors in the form of the dialect that was asked in.

Clients of other protocols show what stands in `error`, of bodies that are `application/json` to the
letter. Whatever refuses such a request (a route, admission, BentoML's application) writes a problem
body as everywhere; here it gets that member and that type.
"""

from collections.abc import Mapping
from typing import Any, Final

from starlette.types import ASGIApp

from understudy.runtime.problem_forms import InForm

_ENDPOINTS: Final = "/endpoints/"
"""SageMaker's; the AWS SDKs show what stands in `message`."""
_PREFIXES: Final = (
    "/v2/",
    "/v1/models/",
    "/deployments/",
    _ENDPOINTS,
)
_PATHS: Final = frozenset({"/v2", "/invocations", "/version", "/ping", "/health", "/v1/models"})


def speaks_a_dialect(path: str) -> bool:
    """Whether a path is of a protocol whose clients look for `error`."""
    return path in _PATHS or path.startswith(_PREFIXES)


class Spoken(InForm):
    """ASGI middleware: problem bodies below dialects' paths get a member `error`."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__(app, speaks_a_dialect, _with_error)


def _with_error(problem: Mapping[str, Any]) -> Mapping[str, Any]:
    said = [str(problem.get("detail", "The request failed."))]
    said += [f"{error['pointer']}: {error['message']}" for error in problem.get("errors", ())]
    # A single error often repeats the detail in other words; one of them is enough.
    text = said[0] if len(said) < 3 else "; ".join(said)
    aws = str(problem.get("instance", "")).startswith(_ENDPOINTS)
    return {"error": text, **({"message": text} if aws else {}), **problem}
