"""Taking alerts that others tell of, for the judge to weigh, and telling what is held.

Who may: a key with the scope `alert`, or whoever signs the body with the secret that both know.
Sending the same again is harmless: notices add up to the same whatever their order (see the
domain), so a signature needs no memory of those that were seen, only a bound on their age.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from services.monitor.domain.deciding.alerts import (
    LATE_SECONDS,
    MOST_HELD,
    Alert,
    Blame,
    bounded,
    confirmed,
    impossible,
    read,
    told,
)
from services.monitor.domain.deciding.judgement import AlertReading
from services.monitor.domain.errors import (
    AlertsBusyError,
    AlertsUnavailableError,
    BadSignatureError,
    WitnessSilentError,
)
from services.monitor.metrics import AlertMetrics
from services.monitor.operations.monitoring import Monitoring
from services.monitor.operations.watching import Watch
from services.monitor.ports import AlertStore, AlertWitness
from understudy.contracts.registry import DeploymentSnapshot
from understudy.contracts.vocabulary import AlertOutcome, Scope
from understudy.runtime.keys import Caller, ForbiddenError

_SIGNATURE: Final = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")
_TRIES: Final = 20
"""To store a change; more than so many monitors at once tell of no one deployment."""


@dataclass(frozen=True, slots=True)
class AlertTerms:
    """How alerts are taken."""

    lifetime_seconds: float
    """For which one is believed to fire unless that is repeated."""
    secret: str | None = None
    """Bodies are signed with; None: keys alone let in."""


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What the judge is to know of alerts."""

    store: AlertStore
    lifetime_seconds: float
    witness: AlertWitness | None = None
    """Asked before an alert counts; None: what is told is believed."""

    async def of(self, deployment: str, named: Collection[str]) -> Sequence[Alert]:
        """Those that are held; none where they can't be read: what is not known accuses nobody."""
        try:
            held = (await self.store.load(deployment)).alerts
        except AlertsUnavailableError as error:
            self._tell("alerts_unreadable", deployment, error.detail)
            return ()
        open_ones = any(one.ended_at is None and one.name in named for one in held)
        if self.witness is None or not open_ones:
            return held
        try:
            return confirmed(held, await self.witness.firing(deployment))
        except WitnessSilentError as error:
            self._tell("alerts_unconfirmed", deployment, str(error))
            return confirmed(held, None)

    def _tell(self, event: str, deployment: str, problem: str) -> None:
        log = structlog.stdlib.get_logger("alerts")
        log.warning(event, deployment=deployment, problem=problem)


@dataclass(frozen=True, slots=True)
class Teller:
    """Who tells, and of which deployments it may."""

    name: str
    """For the audit trail: `key:` and an id, or `signature`."""
    reaches: Callable[[DeploymentSnapshot], bool]


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one alert."""

    deployment: str | None
    alert: Alert
    outcome: AlertOutcome
    detail: str | None = None


class Alerts:
    """All that were told of."""

    def __init__(
        self, monitoring: Monitoring, store: AlertStore, terms: AlertTerms, metrics: AlertMetrics
    ) -> None:
        self._monitoring = monitoring
        self._store = store
        self._terms = terms
        self._metrics = metrics
        self._log = structlog.stdlib.get_logger("alerts")

    def teller_by_key(self, key: str | None) -> Teller:
        """Raises UnauthenticatedError, ForbiddenError, NotReadyError."""
        caller = self._monitoring.caller(key)
        if not caller.scopes & {Scope.ALERT, Scope.ADMIN}:
            raise ForbiddenError("The key does not carry the scope 'alert'.")
        return Teller(f"key:{caller.actor}", lambda deployment: _reaches(caller, deployment))

    def signed_lately(self, header: str) -> "Signature":
        """What is to be compared with the body. Raises BadSignatureError, NotReadyError."""
        self._monitoring.ready()
        match = _SIGNATURE.fullmatch(header.strip())
        if self._terms.secret is None:
            raise BadSignatureError("No secret for signatures is set here; send a key instead.")
        if match is None:
            raise BadSignatureError("X-Understudy-Signature is t=<unix seconds>,v1=<hex HMAC>.")
        if abs(self._monitoring.now() - int(match[1])) > LATE_SECONDS:
            raise BadSignatureError(
                f"The signature's time is more than {LATE_SECONDS:.0f} s off: compare the clocks."
            )
        return Signature(self._terms.secret, match[1], match[2])

    async def take(self, news: Sequence[tuple[str | None, Alert]], teller: Teller) -> list[Told]:
        """Each with the deployment that it names. Raises AlertsBusyError."""
        found = [
            await self._take(name, replace(one, told_by=teller.name), teller) for name, one in news
        ]
        for one in found:
            self._tell(one)
        return found

    async def of(self, watch: Watch) -> tuple[AlertReading, ...]:
        """What is held of a deployment, as the judge reads it."""
        deployment = watch.deployment
        since = deployment.main_since or deployment.released_at
        blame = Blame(
            deployment.main,
            since.timestamp(),
            deployment.policy.judging.actions.alerts,
            self._terms.lifetime_seconds,
        )
        book = await self._store.load(deployment.name)
        return read(book.alerts, blame, self._monitoring.now())

    async def _take(self, name: str | None, news: Alert, teller: Teller) -> Told:
        if not name or not news.name:
            what = "deployment" if not name else "alertname"
            return Told(None, news, AlertOutcome.IGNORED, f"it has no label '{what}'")
        watch = self._monitoring.watches.get(name)
        if watch is None or not teller.reaches(watch.deployment):
            return Told(name, news, AlertOutcome.UNKNOWN, "there is no deployment of that name")
        if (wrong := impossible(news)) is not None:
            return Told(name, news, AlertOutcome.REFUSED, wrong)
        outcome = await self._store_one(watch, bounded(news))
        return Told(name, news, outcome, _DETAILS.get(outcome))

    async def _store_one(self, watch: Watch, news: Alert) -> AlertOutcome:
        deployment, life = watch.deployment, self._terms.lifetime_seconds
        named = deployment.policy.judging.actions.alerts
        for _ in range(_TRIES):
            book = await self._store.load(deployment.name)
            held, outcome = told(book.alerts, news, named, life)
            if outcome in {AlertOutcome.IGNORED, AlertOutcome.REFUSED}:
                return outcome
            if await self._store.commit(deployment.name, replace(book, alerts=tuple(held))):
                return outcome
        raise AlertsBusyError(f"Too many tell of {deployment.name} at once.", retry_after=1.0)

    def _tell(self, one: Told) -> None:
        """A name that nobody gave a deployment is in no metric: senders could make any number."""
        known = one.deployment is not None and one.outcome is not AlertOutcome.UNKNOWN
        self._metrics.received(one.deployment or "" if known else "", one.outcome)
        self._log.info(
            "alert_told",
            deployment=one.deployment,
            alert=one.alert.name,
            outcome=one.outcome,
            told_by=one.alert.told_by,
        )


@dataclass(frozen=True, slots=True)
class Signature:
    """A claim on a body, made lately."""

    secret: str
    at: str
    claimed: str

    def teller(self, body: bytes) -> Teller:
        """Raises BadSignatureError."""
        signed = self.at.encode() + b"." + body
        expected = hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(expected, self.claimed):
            raise BadSignatureError("The signature does not fit the body.")
        return Teller("signature", lambda _: True)


_DETAILS: Final = {
    AlertOutcome.IGNORED: "it tells nothing new",
    AlertOutcome.REFUSED: f"there is no room: {MOST_HELD} that weigh as much or more are held",
}


def _reaches(caller: Caller, deployment: DeploymentSnapshot) -> bool:
    return caller.may(Scope.ALERT, deployment=deployment.name, project=deployment.project)
