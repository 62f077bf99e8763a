"""The verdict, and a gate for tools that ask whether to go on."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from services.monitor.api.door import Readable
from services.monitor.domain.deciding.judgement import Judgement as Found
from services.monitor.domain.errors import (
    GateClosedError,
    NotDecidedError,
    NotReadyError,
    UnknownChallengerError,
)
from services.monitor.operations import Watch
from understudy.contracts.monitor import Judgement
from understudy.contracts.vocabulary import Verdict


def verdict_routes(readable: Readable) -> APIRouter:
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
        equivalent: Annotated[bool, Query()] = False,  # noqa: FBT002 - a query's flag
    ) -> Judgement:
        """200 when the challenger may become main; 409 when not, or while nobody can say."""
        judged = _judged(watch)
        refuse_unless_open(judged, challenger, equivalent=equivalent)
        response.headers["Cache-Control"] = "no-store"
        return Judgement.model_validate(judged, from_attributes=True)

    return router


def refuse_unless_open(judged: Found, challenger: int, *, equivalent: bool) -> None:
    """With `equivalent`, as good is good enough. Raises a refusal that says which rule."""
    found = next((c for c in judged.comparisons if c.challenger == challenger), None)
    if found is None:
        raise UnknownChallengerError(
            f"Version {challenger} is no challenger of {judged.deployment}."
        )
    if found.verdict is Verdict.PROMOTE or (equivalent and found.verdict is Verdict.EQUIVALENT):
        return
    said = f"Version {challenger} of {judged.deployment}: {found.rule.replace('_', ' ')}."
    if found.verdict in {Verdict.WAIT, Verdict.NO_DATA}:
        raise NotDecidedError(said)
    raise GateClosedError(said)


def _judged(watch: Watch) -> Found:
    if watch.judged is None:
        raise NotReadyError(f"{watch.deployment.name} was not judged yet.", retry_after=1.0)
    return watch.judged
