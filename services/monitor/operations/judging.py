"""Judging a deployment, and acting on it where its policy says so.

Everything is computed anew from what is stored, so that whoever looks, and however often, concludes
the same. What the monitor does, it does through the registry's ordinary road, with its evidence.
"""

import asyncio
import base64
import zlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np
import structlog

from services.monitor.domain.deciding.concluding import Known, Rival, Standing, conclude
from services.monitor.domain.deciding.deeds import Deed
from services.monitor.domain.deciding.judgement import Judgement
from services.monitor.domain.deciding.terms import Terms
from services.monitor.operations.appraising import Appraising
from services.monitor.operations.sources import Sources
from services.monitor.operations.terms import terms_of
from services.monitor.operations.watching import Watch
from services.monitor.ports import Outcomes, Releases
from understudy.contracts.registry import DeploymentSnapshot, ReleaseRequest
from understudy.contracts.vocabulary import ActionMode, FormerMain, ReleaseKind

_LONGEST_FAILURE: Final = 200
_JSON_OUT: Final = msgspec.json.Encoder()
_JSON: Final = msgspec.json.Decoder(dict[str, object])


class Judging:
    """The newest judgement of each deployment."""

    def __init__(
        self, sources: Sources, outcomes: Outcomes, releases: Releases, appraising: Appraising
    ) -> None:
        self._sources = sources
        self._outcomes = outcomes
        self._releases = releases
        self._appraising = appraising
        self._log = structlog.stdlib.get_logger("judging")

    async def step(self, watch: Watch) -> None:
        """Judge once, tell what changed, and do what is due where it is ours to do."""
        judgement = await self.judgement(watch)
        former, watch.judged = watch.judged, judgement
        if former is None or former.verdict is not judgement.verdict:
            self._tell(judgement)
        action = judgement.action
        if not self._sources.holds(judgement.deployment):
            return
        if action is not None and action.due:
            await self._act(watch.deployment, judgement)
        elif action is not None and action.mode is ActionMode.RECOMMEND:
            await self._recommend(watch.deployment, judgement)

    async def judgement(self, watch: Watch) -> Judgement:
        """What is concluded now. Raises NotReadyError before anything was read."""
        deployment, now = watch.deployment, self._sources.clock()
        main = deployment.version(deployment.main)
        terms = await terms_of(deployment, main, self._sources.references)
        standing = standing_of(deployment, terms)
        since = min((rival.since for rival in standing.rivals), default=now)
        known = Known(
            minutes=watch.cells(),
            cohorts=await self._outcomes.tallies(deployment.name, since),
            concept=await self._appraising.concept(watch),
            deeds=await self._outcomes.deeds(deployment.name),
        )
        edges = self._sources.rules.latency_edges
        found = await asyncio.to_thread(conclude, standing, known, edges, now)
        return _dated(found, watch.judged)

    def _tell(self, judgement: Judgement) -> None:
        self._log.info(
            "verdict",
            deployment=judgement.deployment,
            release=judgement.release,
            verdict=judgement.verdict,
            rule=judgement.rule,
            version=judgement.version,
        )

    async def _act(self, deployment: DeploymentSnapshot, judgement: Judgement) -> None:
        """Make the release; what becomes of it is kept, so that it is made once."""
        change = change_of(deployment, judgement)
        try:
            made = await self._releases.release(deployment.name, change)
        except Exception as error:  # noqa: BLE001 - whatever the registry or the net says: tried later
            failure = f"{type(error).__name__}: {error}"[:_LONGEST_FAILURE]
            self._log.warning("action_failed", deployment=deployment.name, failure=failure)
            await self._note(deployment, judgement, failure=failure)
        else:
            self._log.info(
                "action_done",
                deployment=deployment.name,
                verdict=judgement.verdict,
                version=judgement.version,
                release=made,
            )
            await self._note(deployment, judgement, made=made)

    async def _recommend(self, deployment: DeploymentSnapshot, judgement: Judgement) -> None:
        """Kept once for each release and verdict."""
        deeds = await self._outcomes.deeds(deployment.name)
        same = (deployment.release, judgement.verdict, judgement.version)
        if not any((deed.release, deed.verdict, deed.version) == same for deed in deeds):
            await self._note(deployment, judgement)

    async def _note(
        self,
        deployment: DeploymentSnapshot,
        judgement: Judgement,
        made: int | None = None,
        failure: str | None = None,
    ) -> None:
        if judgement.version is None:
            return
        self._sources.metrics.acted(deployment.name, judgement.verdict, _outcome(made, failure))
        await self._outcomes.note(
            Deed(
                deployment=deployment.name,
                at=self._sources.clock(),
                release=deployment.release,
                verdict=judgement.verdict,
                version=judgement.version,
                former=deployment.main,
                made_release=made,
                failure=failure,
            )
        )


def standing_of(deployment: DeploymentSnapshot, terms: Terms) -> Standing:
    """The snapshot as the domain reads it."""
    released_at = deployment.released_at.timestamp()
    since = deployment.main_since or deployment.released_at
    return Standing(
        deployment=deployment.name,
        release=deployment.release,
        released_at=released_at,
        main=deployment.main,
        main_since=since.timestamp(),
        previous_main=deployment.previous_main,
        rivals=tuple(
            Rival(couple.challenger, couple.release, couple.since.timestamp())
            for couple in deployment.couples
        ),
        policy=deployment.policy.judging,
        terms=terms,
    )


def change_of(deployment: DeploymentSnapshot, judgement: Judgement) -> ReleaseRequest:
    """The release that a verdict asks for: a challenger is promoted, a former main rolled back to.

    What was main stays beside as a challenger where it can, so that it goes on being measured.
    """
    beside = judgement.version in deployment.challengers
    return ReleaseRequest(
        kind=ReleaseKind.PROMOTE if beside else ReleaseKind.ROLLBACK,
        version=judgement.version if beside else None,
        release=None if beside else deployment.previous_release,
        former_main=FormerMain.CHALLENGER,
        expected_release=deployment.release,
        reason=f"{judgement.verdict.replace('_', ' ')} by policy: {'; '.join(judgement.reasons)}"[
            :1_000
        ],
        evidence=evidence_of(judgement),
    )


def evidence_of(judgement: Judgement) -> dict[str, object]:
    """The judgement as the audit trail keeps it: all but what later comes of it.

    The counts that evidence is computed from are packed, and only of the version it speaks for.
    """
    decisive = (found for found in judgement.comparisons if found.challenger == judgement.version)
    state = next((packed(found.state) for found in decisive), None)
    unpacked = tuple(replace(found, state={}) for found in judgement.comparisons)
    kept = replace(judgement, comparisons=unpacked, action=None, changed_at=None)
    return {**_JSON.decode(_JSON_OUT.encode(kept)), "state": state}


def packed(state: Mapping[int, int]) -> str:
    """Base64 of zlib of little-endian int32: the places ascending, then the counts."""
    places = np.array(sorted(state), dtype="<i4")
    counts = np.array([state[int(place)] for place in places], dtype="<i4")
    return base64.b64encode(zlib.compress(places.tobytes() + counts.tobytes(), 9)).decode()


def _dated(found: Judgement, former: Judgement | None) -> Judgement:
    """With the moment at which the verdict became what it is."""
    same = former is not None and (former.verdict, former.version) == (found.verdict, found.version)
    return replace(found, changed_at=former.changed_at if former is not None and same else found.at)


def _outcome(made: int | None, failure: str | None) -> str:
    if failure is not None:
        return "failed"
    return "recommended" if made is None else "done"
