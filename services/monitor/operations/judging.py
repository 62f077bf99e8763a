"""Judging a deployment, and acting on it where its policy says so.

Everything is computed anew from what is stored, so that whoever looks, and however often, concludes
the same. What the monitor does, it does through the registry's ordinary road, with its evidence.
"""

import asyncio
import math
from dataclasses import replace
from typing import Final

import msgspec
import structlog

from services.monitor.domain.deciding.concluding import Known, Rival, Standing, conclude
from services.monitor.domain.deciding.deeds import Deed, DeedState
from services.monitor.domain.deciding.judgement import Judgement
from services.monitor.domain.deciding.terms import Terms
from services.monitor.operations.alerts import AlertFacts
from services.monitor.operations.appraising import Appraising
from services.monitor.operations.packing import packed
from services.monitor.operations.sources import Sources
from services.monitor.operations.terms import terms_of
from services.monitor.operations.watching import Watch
from services.monitor.ports import Releases
from understudy.client.errors import ClientError
from understudy.contracts.registry import DeploymentSnapshot, ReleaseRequest
from understudy.contracts.vocabulary import FormerMain, ReleaseKind, RuleName

_TOLD_LATE_SECONDS: Final = 31 * 86_400.0
"""Predictions made elsewhere may be told of 30 days later: they belong to the release in which they
were. Which cohorts count is told by releases, whatever is read beside them."""
_LONGEST_FAILURE: Final = 200
_MOST_ALERTS: Final = 3
_JSON_OUT: Final = msgspec.json.Encoder()
_JSON: Final = msgspec.json.Decoder(dict[str, object])


class Judging:
    """The newest judgement of each deployment."""

    def __init__(
        self,
        sources: Sources,
        releases: Releases,
        appraising: Appraising,
        alerts: AlertFacts | None = None,
    ) -> None:
        self._sources = sources
        self._outcomes = sources.outcomes
        self._releases = releases
        self._appraising = appraising
        self._alerts = alerts
        self._log = structlog.stdlib.get_logger("judging")

    async def step(self, watch: Watch) -> None:
        """Judge once, tell what changed, and do what is due where it is ours to do."""
        deployment = watch.deployment
        judgement = await self.judgement(watch, deployment)
        former, watch.judged = watch.judged, judgement
        if former is None or former.verdict is not judgement.verdict:
            self._tell(judgement)
        action = judgement.action
        if action is None or action.held_by is not None or judgement.version is None:
            return
        # Somebody may have made another release while we judged this one.
        if watch.deployment.release != deployment.release or not self._sources.holds(
            deployment.name
        ):
            return
        deed = Deed(
            deployment=deployment.name,
            at=self._sources.clock(),
            release=deployment.release,
            verdict=judgement.verdict,
            version=judgement.version,
            former=deployment.main,
        )
        if action.due:
            await self._act(deployment, judgement, deed)
        else:
            await self._recommend(deed)

    async def judgement(self, watch: Watch, deployment: DeploymentSnapshot) -> Judgement:
        """What is concluded now. Raises NotReadyError before anything was read."""
        now, told = self._sources.clock(), self._alerts
        main = deployment.version(deployment.main)
        terms = await terms_of(deployment, main, self._sources.references)
        standing = standing_of(deployment, terms)
        since = min((rival.since for rival in standing.rivals), default=now)
        named = deployment.policy.judging.actions.alerts
        known = Known(
            minutes=watch.cells(),
            cohorts=await self._outcomes.tallies(deployment.name, since - _TOLD_LATE_SECONDS),
            concept=await self._appraising.concept(watch),
            deeds=await self._deeds(deployment),
            alerts=() if told is None else await told.of(deployment.name, named),
            alert_lifetime=math.inf if told is None else told.lifetime_seconds,
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

    async def _act(self, deployment: DeploymentSnapshot, judgement: Judgement, deed: Deed) -> None:
        """Leave word, make the release, and keep what became of it."""
        await self._note(replace(deed, state=DeedState.BEGUN))
        try:
            made = await self._releases.release(deployment.name, change_of(deployment, judgement))
        except Exception as error:  # noqa: BLE001 - whatever the registry or the net says: tried later
            failure = _told(error)
            self._log.warning("action_failed", deployment=deployment.name, failure=failure)
            await self._note(replace(deed, state=DeedState.FAILED, failure=failure))
        else:
            self._log.info(
                "action_done",
                deployment=deployment.name,
                verdict=judgement.verdict,
                version=judgement.version,
                release=made,
            )
            await self._note(replace(deed, state=DeedState.DONE, made_release=made))

    async def _recommend(self, deed: Deed) -> None:
        """Kept once."""
        known = await self._outcomes.deeds(deed.deployment)
        if all(held.key != deed.key for held in known):
            await self._note(deed)

    async def _deeds(self, deployment: DeploymentSnapshot) -> list[Deed]:
        """Without those of a deleted deployment that had the same name."""
        deeds = await self._outcomes.deeds(deployment.name)
        return [deed for deed in deeds if deed.release >= deployment.first_release]

    async def _note(self, deed: Deed) -> None:
        await self._outcomes.note(deed)
        if deed.state is not DeedState.BEGUN:
            self._sources.metrics.acted(deed.deployment, deed.verdict, deed.state)


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
        previous_release=_release_back_to(deployment, deployment.previous_main),
    )


def change_of(deployment: DeploymentSnapshot, judgement: Judgement) -> ReleaseRequest:
    """The release that a verdict asks for: a challenger is promoted, a former main rolled back to.

    What was main stays beside as a challenger where it can, so that it goes on being measured.
    """
    beside = judgement.version in deployment.challengers
    return ReleaseRequest(
        kind=ReleaseKind.PROMOTE if beside else ReleaseKind.ROLLBACK,
        version=judgement.version if beside else None,
        release=_release_back_to(deployment, judgement.version),
        former_main=FormerMain.CHALLENGER,
        expected_release=deployment.release,
        reason=f"{judgement.verdict.replace('_', ' ')} by policy: {'; '.join(judgement.reasons)}"[
            :1_000
        ],
        evidence=evidence_of(judgement),
    )


def _release_back_to(deployment: DeploymentSnapshot, version: int | None) -> int | None:
    """What runs beside is promoted instead: the policy and the other challengers stay."""
    return None if version in deployment.challengers else deployment.previous_release


def evidence_of(judgement: Judgement) -> dict[str, object]:
    """The judgement as the audit trail keeps it: all but what later comes of it.

    The counts that evidence is computed from are packed, and only of the version it speaks for.
    Where alerts decided, they are kept instead.
    """
    alerted = judgement.rule is RuleName.ALERT
    accusing = [alert for alert in judgement.alerts if alerted and alert.accuses]
    unpacked = tuple(replace(found, state={}) for found in judgement.comparisons)
    kept = replace(
        judgement,
        comparisons=unpacked,
        alerts=tuple(accusing[:_MOST_ALERTS]),
        alerts_unheard=(),
        action=None,
        changed_at=None,
    )
    decisive = (found for found in judgement.comparisons if found.challenger == judgement.version)
    state = None if alerted else next((packed(found.state) for found in decisive), None)
    return {**_JSON.decode(_JSON_OUT.encode(kept)), "state": state}


def _dated(found: Judgement, former: Judgement | None) -> Judgement:
    """With the moment at which the verdict became what it is."""
    same = former is not None and (former.verdict, former.version) == (found.verdict, found.version)
    return replace(found, changed_at=former.changed_at if former is not None and same else found.at)


def _told(error: Exception) -> str:
    """What the registry said; of anything else only what it is."""
    text = f": {error}" if isinstance(error, ClientError) else ""
    return f"{type(error).__name__}{text}"[:_LONGEST_FAILURE]
