"""Alerts as facts: what somebody watching has told of a deployment. Pure.

An alert is no command: it is held with when it began, and the judge weighs it (see `judge`). An
episode is one stretch of firing. Notices may come late, twice, in any order and from several
senders; what is told of an episode that is known to have ended changes nothing for a while, so a
notice that is sent again brings no alert back.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from services.monitor.domain.deciding.judgement import AlertReading
from understudy.contracts.judging import LONGEST_ALERT_NAME
from understudy.contracts.vocabulary import AlertOutcome, AlertState

LATE_SECONDS: Final = 300.0
"""How late a notice may come: as far a signature's time may lie off, too."""
KEPT_SECONDS: Final = 86_400.0
"""What has ended, or was not repeated, is shown for so long."""
MOST_HELD: Final = 32
"""Of one deployment."""
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_LONGEST_SUMMARY: Final = 300
_LONGEST_LABEL: Final = 100
_MOST_LABELS: Final = 16


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert's newest episode. Times are seconds since the epoch."""

    name: str
    version: str
    """The label of that name; empty where there is none."""
    fingerprint: str
    starts_at: float
    first_told_at: float
    """That it fires, by our own clock: it began then at the latest, whatever a sender says."""
    told_at: float
    ended_at: float | None = None
    summary: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    told_by: str = ""
    doubt: str | None = None
    """Why it is not believed although it was told; not stored."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What there is one of."""
        return self.name, self.version, self.fingerprint

    @property
    def began_at(self) -> float:
        """Never after it was first told."""
        return min(self.starts_at, self.first_told_at)

    def state(self, now: float, lifetime: float) -> AlertState:
        """What is not repeated for a lifetime is not believed any more."""
        if self.ended_at is not None:
            return AlertState.RESOLVED
        return AlertState.FIRING if now - self.told_at <= lifetime else AlertState.EXPIRED


@dataclass(frozen=True, slots=True)
class AlertBook:
    """All alerts of one deployment, and how often they were changed."""

    revision: int = 0
    alerts: tuple[Alert, ...] = ()


def bounded(alert: Alert) -> Alert:
    """Cut to what is kept of it: senders' texts have any length."""
    labels = {
        _cut(name, _LONGEST_LABEL): _cut(text, _LONGEST_LABEL)
        for name, text in sorted(alert.labels.items())[:_MOST_LABELS]
    }
    return replace(
        alert,
        name=_cut(alert.name, LONGEST_ALERT_NAME),
        version=_cut(alert.version, _LONGEST_LABEL),
        summary=_cut(alert.summary, _LONGEST_SUMMARY),
        labels=labels,
    )


def impossible(alert: Alert) -> str | None:
    """Why it can't be true; None when it can."""
    if alert.starts_at > alert.told_at + LATE_SECONDS:
        return "it starts in the future: compare the clocks"
    return "it starts before the year 2000" if alert.starts_at < _EARLIEST else None


def told(
    held: Sequence[Alert], news: Alert, named: Collection[str], lifetime: float
) -> tuple[Sequence[Alert], AlertOutcome]:
    """What is held after one more alert was told, and what became of it.

    Where there is no room, those stay that fire and are named, then those that fire, then those
    that were held before: had the newest the place, a sender of too many would be told that each of
    them was taken, and the rest would come and go.
    """
    now = news.told_at
    fresh = [one for one in held if now - one.told_at <= KEPT_SECONDS]
    former = next((one for one in fresh if one.key == news.key), None)
    current = _merged(former, news)
    if current is None:
        return tuple(fresh), AlertOutcome.IGNORED

    def worth(one: Alert) -> tuple[bool, bool, bool, float]:
        firing = one.state(now, lifetime) is AlertState.FIRING
        known = one is not current or former is not None
        return firing and one.name in named, firing, known, one.told_at

    every = [current, *(one for one in fresh if one is not former)]
    kept = sorted(every, key=worth, reverse=True)[:MOST_HELD]
    if current not in kept:
        return tuple(kept), AlertOutcome.REFUSED
    ended = current.ended_at is not None
    return tuple(kept), AlertOutcome.RESOLVED if ended else AlertOutcome.TAKEN


def _merged(held: Alert | None, news: Alert) -> Alert | None:
    """None where it is old news."""
    if news.ended_at is not None:
        return _ended(held, news, news.ended_at)
    if held is None:
        return news
    if held.ended_at is not None:
        return _again(held, news, held.ended_at)
    # A sender that was started anew tells a later beginning of what never ended.
    if news.starts_at > held.told_at + LATE_SECONDS:
        return news
    return _goes_on(held, news)


def _ended(held: Alert | None, news: Alert, ended_at: float) -> Alert | None:
    """An end of what nobody knew is no news; nor is one before the present episode began."""
    if held is None or held.ended_at is not None or ended_at < held.starts_at:
        return None
    return replace(held, ended_at=min(ended_at, news.told_at), told_at=news.told_at)


def _again(held: Alert, news: Alert, ended_at: float) -> Alert | None:
    """A new episode; or, well after the end was told, one that had not ended after all."""
    if news.starts_at > ended_at:
        return news
    return None if news.told_at - held.told_at <= LATE_SECONDS else _goes_on(held, news)


def _goes_on(held: Alert, news: Alert) -> Alert:
    return replace(
        news,
        starts_at=min(held.starts_at, news.starts_at),
        first_told_at=held.first_told_at,
    )


@dataclass(frozen=True, slots=True)
class Blame:
    """Whom alerts can accuse, which of them, and for how long they are believed."""

    main: int
    since: float
    """When it became main; seconds since the epoch."""
    named: Collection[str]
    """By the policy."""
    lifetime: float
    """In seconds, after which one that is not repeated has expired."""


def read(held: Sequence[Alert], blame: Blame, now: float) -> tuple[AlertReading, ...]:
    """Each as it stands now, those that accuse first."""
    found = [_reading(one, blame, now) for one in held if now - one.told_at <= KEPT_SECONDS]
    return tuple(sorted(found, key=lambda one: (not one.accuses, not one.named, one.state)))


def unheard(named: Collection[str], held: Sequence[AlertReading]) -> tuple[str, ...]:
    """Names of which nothing is held."""
    heard = {alert.alert for alert in held}
    return tuple(name for name in named if name not in heard)


def _reading(one: Alert, blame: Blame, now: float) -> AlertReading:
    state, named = one.state(now, blame.lifetime), one.name in blame.named
    fires = named and state is AlertState.FIRING
    return AlertReading(
        alert=one.name,
        version=one.version or None,
        fingerprint=one.fingerprint,
        state=state,
        since=_moment(one.began_at),
        told_at=_moment(one.told_at),
        ended_at=None if one.ended_at is None else _moment(one.ended_at),
        summary=one.summary,
        labels=one.labels,
        told_by=one.told_by,
        named=named,
        excused=_excuse(one, blame) if fires else None,
    )


def confirmed(
    held: Sequence[Alert], firing: Collection[tuple[str, str]] | None
) -> tuple[Alert, ...]:
    """With doubts about what the witness does not say; None: it says nothing at all."""
    silent = "it is not confirmed: Prometheus does not answer"
    other = "it is not confirmed: Prometheus says that it does not fire"
    return tuple(
        one
        if firing is not None and (one.name, one.version) in firing
        else replace(one, doubt=silent if firing is None else other)
        for one in held
    )


def _excuse(one: Alert, blame: Blame) -> str | None:
    if one.doubt is not None:
        return one.doubt
    if one.version not in {"", str(blame.main)}:
        return f"it is about version {one.version}, not about the main"
    if one.began_at <= blame.since:
        return f"it began before version {blame.main} became main"
    return None


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _cut(text: str, most: int) -> str:
    text = "".join(one if one.isprintable() else " " for one in text[: most + 1])
    return text if len(text) <= most else f"{text[: most - 1]}…"
