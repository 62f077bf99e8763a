"""The verdict, and a gate for tools that ask whether to go on."""

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Response

from services.monitor.api.door import Readable
from services.monitor.domain.deciding.judge import against
from services.monitor.domain.deciding.judgement import ComparisonReading
from services.monitor.domain.deciding.judgement import Judgement as Found
from services.monitor.domain.errors import NotReadyError, UnknownChallengerError
from services.monitor.operations import Watch
from understudy.contracts.monitor import Gate, Judgement
from understudy.contracts.vocabulary import Verdict

_STALE_SECONDS: Final = 120.0
_PASSES: Final = 200
_CLOSED: Final = 409
_UNDECIDED: Final = 425
_OPEN_ENDED: Final = frozenset({Verdict.WAIT, Verdict.NO_DATA})


def verdict_routes(readable: Readable, now: Callable[[], float]) -> APIRouter:
    """`GET …/verdict` and `GET …/gate`."""
    router = APIRouter()

    @router.get("/v1/deployments/{deployment}/verdict")
    def verdict(watch: Annotated[Watch, Depends(readable)]) -> Judgement:
        return Judgement.model_validate(_judged(watch), from_attributes=True)

    @router.get("/v1/deployments/{deployment}/gate")
    def gate(
        watch: Annotated[Watch, Depends(readable)],
        response: Response,
        challenger: Annotated[int, Query(ge=1)],
    ) -> Gate:
        found = gate_of(_fresh(watch, now()), challenger)
        response.headers["Cache-Control"] = "no-store"
        response.status_code = _status(found)
        return found

    return router


def gate_of(judged: Found, challenger: int) -> Gate:
    """Raises UnknownChallengerError."""
    found = next((c for c in judged.comparisons if c.challenger == challenger), None)
    if found is None:
        raise UnknownChallengerError(
            f"Version {challenger} is no challenger of {judged.deployment}."
        )
    return Gate(
        deployment=judged.deployment,
        release=judged.release,
        at=judged.at,
        challenger=challenger,
        passes=found.verdict is Verdict.PROMOTE,
        decided=found.verdict not in _OPEN_ENDED,
        verdict=found.verdict,
        rule=found.rule,
        reasons=_reasons(judged, found),
        expected_labels=found.expected_labels,
    )


def _reasons(judged: Found, found: ComparisonReading) -> tuple[str, ...]:
    """Those of the whole verdict where it is about this challenger."""
    return judged.reasons if judged.version == found.challenger else against(found)


def _status(found: Gate) -> int:
    if found.passes:
        return _PASSES
    return _CLOSED if found.decided else _UNDECIDED


def _fresh(watch: Watch, now: float) -> Found:
    """A judgement of the present release, and of late: a gate must not open on an old one."""
    judged = _judged(watch)
    if judged.release != watch.deployment.release or now - judged.at.timestamp() > _STALE_SECONDS:
        raise NotReadyError(
            f"Release {watch.deployment.release} of {judged.deployment} was not judged lately.",
            retry_after=2.0,
        )
    return judged


def _judged(watch: Watch) -> Found:
    if watch.judged is None:
        raise NotReadyError(f"{watch.deployment.name} was not judged yet.", retry_after=1.0)
    return watch.judged
