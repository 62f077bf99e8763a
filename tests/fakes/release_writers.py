"""Writers that promote and roll back one deployment all at once, and what must hold afterwards."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Final

import httpx

from services.registry.adapters.catalogue_store import SqlCatalogue
from services.registry.adapters.database import Database
from services.registry.adapters.deployment_store import SqlDeployments
from services.registry.adapters.state_store import SqlState
from services.registry.domain.audit import Action, Wanted
from services.registry.domain.errors import StoreUnavailableError
from services.registry.domain.releases import Change, Release, Setting
from services.registry.domain.verifying import examined
from services.registry.domain.versions import Version
from services.registry.operations.deployments import Deployments, Expected
from understudy.contracts.refusals import Fault, Refusal
from understudy.contracts.vocabulary import ReleaseKind, Scope
from understudy.runtime.keys import Caller, Grant

FILLED: Final = 2
"""Releases that `tests.fakes.installations.fill` makes."""
_DEADLINE_SECONDS: Final = 1_200.0
_FAULTS: Final = {Fault.CONFLICT: 409, Fault.PRECONDITION: 412, Fault.UNAVAILABLE: 503}

Ask = Callable[[Change], int]
"""Asks for a change; a status as HTTP has it."""


class NoInstruments:
    """`ports.Instruments`, of a process that nobody watches."""

    def released(self, release: Release) -> None:
        """Nobody counts."""

    def registered(self, version: Version) -> None:
        """Nobody counts."""

    def decided(self, version: Version) -> None:
        """Nobody counts."""

    def stored(self, size_bytes: int) -> None:
        """Nobody counts."""


@dataclass
class Tally:
    """How many are to be accepted, and what the writers were answered."""

    wanted: int
    statuses: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def over(self) -> bool:
        with self.lock:
            return self.statuses[201] >= self.wanted

    def count(self, status: int) -> None:
        with self.lock:
            self.statuses[status] += 1


def through_the_operations(database: Database, actor: str) -> Ask:
    """In this process, with an engine of its own."""
    instruments = NoInstruments()
    verbs = Deployments(
        SqlDeployments(database), SqlCatalogue(database), instruments, lambda: datetime.now(UTC)
    )
    caller = Caller(actor, (Grant(frozenset({Scope.ADMIN, Scope.DEPLOY, Scope.RELEASE})),))

    def ask(change: Change) -> int:
        try:
            verbs.change(caller, "credit", change, Expected())
        except Refusal as refusal:
            return 503 if isinstance(refusal, StoreUnavailableError) else _FAULTS[refusal.fault]
        return 201

    return ask


def through_http(client: httpx.Client) -> Ask:
    """At a registry's process; with the release that it has seen, as `If-Match`."""

    def ask(change: Change) -> int:
        seen = client.get("/v1/deployments/credit")
        if seen.status_code == 503:
            return _told_to_come_again(seen)
        assert seen.is_success, seen.text
        body = {"kind": change.kind.value, "release": change.release, "reason": change.reason}
        answer = client.post(
            "/v1/deployments/credit/releases",
            json={name: value for name, value in body.items() if value is not None},
            headers={"If-Match": seen.headers["ETag"]},
        )
        return _told_to_come_again(answer) if answer.status_code == 503 else answer.status_code

    return ask


def _told_to_come_again(answer: httpx.Response) -> int:
    assert "Retry-After" in answer.headers
    time.sleep(0.1)  # sooner than it says, so that some ask at the worst of moments
    return answer.status_code


def write(asks: list[Ask], tally: Tally) -> Tally:
    """All at once, until enough of them were accepted."""
    deadline, began = time.monotonic() + _DEADLINE_SECONDS, time.monotonic()
    failures: list[BaseException] = []

    def run(number: int, ask: Ask) -> None:
        random = Random(number)
        try:
            while not tally.over() and not failures and time.monotonic() < deadline:
                tally.count(ask(_drawn(random, number)))
        except BaseException as failure:
            failures.append(failure)
            raise

    writers = [threading.Thread(target=run, args=each) for each in enumerate(asks)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures, failures
    tally.seconds = time.monotonic() - began
    return tally


def _drawn(random: Random, number: int) -> Change:
    reason = f"writer {number}"
    if random.random() < 0.6:
        return Change(ReleaseKind.SWAP, reason=reason)
    return Change(ReleaseKind.ROLLBACK, release=random.choice((None, FILLED)), reason=reason)


def require_linear(database: Database, accepted: int) -> int:
    """Nothing is lost, doubled or half done; the number of releases.

    With callers that were cut off there may be more than were accepted.
    """
    history = SqlDeployments(database).history("credit")
    assert [release.number for release in history] == list(range(1, len(history) + 1))
    assert len(history) - FILLED >= accepted
    for before, release in zip(history[FILLED - 1 :], history[FILLED:], strict=False):
        assert release.setting.same_as(_expected(history, before, release)), release
    wanted = Wanted(frozenset({Action.RELEASE}), frozenset({"credit"}))
    recorded = SqlState(database).entries(wanted)
    entries = [one.entry for one in recorded if "kind" in one.entry.details]
    assert [entry.details["release"] for entry in entries] == [
        release.number for release in history[FILLED:]
    ]
    assert [entry.details["main"] for entry in entries] == [
        release.setting.main for release in history[FILLED:]
    ]
    found = SqlDeployments(database).find("credit")
    assert found is not None
    assert found.current == history[-1]
    with SqlState(database).chain() as chain:
        assert examined(chain).breaks == ()
    return len(history)


def _expected(history: tuple[Release, ...], before: Release, release: Release) -> Setting:
    if release.kind is ReleaseKind.ROLLBACK:
        assert release.restores is not None
        return history[release.restores - 1].setting
    (beside,) = before.setting.challengers
    return Setting(beside, (before.setting.main,))
