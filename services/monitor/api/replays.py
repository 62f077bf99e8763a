"""Replays: begun, fed with answers, finished with a judgement."""

from typing import Annotated, Final

import numpy as np
from fastapi import APIRouter, Depends, Header, Request

from services.monitor.api.bodies import body_of
from services.monitor.api.door import readable_by
from services.monitor.domain.rows import Responses
from services.monitor.operations import Monitoring, Watch
from services.monitor.operations.replaying import Replay, Replaying
from understudy.contracts.monitor import Judgement
from understudy.contracts.registry import Page
from understudy.contracts.replays import ReplayAnswers, ReplayRequest, ReplayView
from understudy.runtime.describing import takes
from understudy.runtime.keys import Caller, presented_key

_PATH: Final = "/v1/deployments/{deployment}/replays"


def replay_routes(monitoring: Monitoring, replaying: Replaying) -> APIRouter:
    """All of `…/replays`."""
    router = APIRouter()
    readable_watch = Annotated[Watch, Depends(readable_by(monitoring))]

    def caller_of(request: Request) -> Caller:
        return monitoring.caller(presented_key(request.headers))

    @router.post(_PATH, status_code=201, openapi_extra=takes(ReplayRequest))
    async def begin(
        watch: readable_watch,
        request: Request,
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> ReplayView:
        """Begin one; the same `Idempotency-Key` finds it again for as long as it is kept."""
        asked = await body_of(request, ReplayRequest)
        begun = await replaying.begin(
            watch.deployment,
            asked.version,
            asked.since,
            asked.until,
            owner=caller_of(request).actor,
            key=idempotency_key,
        )
        return _view(begun)

    @router.get(_PATH)
    async def replays(watch: readable_watch) -> Page[ReplayView]:
        found = replaying.all_of(watch.deployment.name)
        return Page(items=tuple(_view(each) for each in found))

    @router.get(_PATH + "/{replay}")
    async def replay_of(watch: readable_watch, replay: str) -> ReplayView:
        return _view(replaying.get(watch.deployment.name, replay))

    @router.delete(_PATH + "/{replay}", status_code=204)
    async def give_up(watch: readable_watch, replay: str, request: Request) -> None:
        replaying.give_up(watch.deployment.name, replay, caller_of(request))

    @router.post(_PATH + "/{replay}/pairs", openapi_extra=takes(ReplayAnswers))
    async def add(watch: readable_watch, replay: str, request: Request) -> ReplayView:
        name, caller = watch.deployment.name, caller_of(request)
        replaying.own(name, replay, caller)
        answers = await body_of(request, ReplayAnswers)
        ids, responses = [*answers.ids], responses_of(answers)
        told = await replaying.add(name, replay, answers.sequence, ids, responses, by=caller)
        return _view(told)

    @router.post(_PATH + "/{replay}/finish")
    async def finish(watch: readable_watch, replay: str, request: Request) -> ReplayView:
        caller = caller_of(request)
        return _view(await replaying.finish(watch.deployment.name, replay, by=caller))

    return router


def responses_of(answers: ReplayAnswers) -> Responses:
    """As the log would hold them: NaN where there is no answer."""
    values = np.array([np.nan if v is None else v for v in answers.values], dtype=np.float64)
    if not answers.probabilities:
        return Responses(values, None, answers.classes)
    nothing = (np.nan,) * len(answers.classes)
    chances = [nothing if found is None else found for found in answers.probabilities]
    return Responses(values, np.array(chances, dtype=np.float64), answers.classes)


def _view(replay: Replay) -> ReplayView:
    counted, found = replay.counted, replay.judgement
    return ReplayView(
        id=replay.id,
        deployment=replay.deployment,
        release=replay.release,
        main=replay.candidate.main,
        version=replay.candidate.version,
        begun_at=replay.begun_at,
        since=replay.since,
        until=replay.until,
        batches=replay.batches,
        rows=counted.rows,
        compared=counted.compared,
        young=counted.young,
        unlabelled=counted.unlabelled,
        unknown=counted.unknown,
        judgement=None if found is None else Judgement.model_validate(found, from_attributes=True),
    )
