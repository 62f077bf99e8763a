"""The snapshot: the desired state under one number, waited for by every other process."""

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime

from services.registry.domain.access import Key
from services.registry.domain.deployments import (
    couples,
    last_of_previous_main,
    main_since,
    pairings,
    versions_to_serve,
)
from services.registry.domain.trust import effective
from services.registry.domain.versions import Baseline, Compiled, Version
from services.registry.operations.reach import Clock, require_whole
from services.registry.ports import Served, State, StateStore
from understudy.contracts.registry import Baseline as BaselineBody
from understudy.contracts.registry import Compiled as CompiledBody
from understudy.contracts.registry import Couple as CoupleBody
from understudy.contracts.registry import (
    DeploymentSnapshot,
    KeyRecord,
    Pairing,
    ServedVersion,
    Snapshot,
    TokenKey,
)
from understudy.runtime.keys import Caller, KeyRing
from understudy.runtime.tokens import TokenVerifier


class Snapshots:
    """Keeps the newest snapshot and the keys in it, and wakes those who wait for a newer one."""

    def __init__(self, state: StateStore, clock: Clock, wait_limit_seconds: float) -> None:
        self._state = state
        self._clock = clock
        self._wait_limit_seconds = wait_limit_seconds
        self._kept: _Kept | None = None
        self._changed = asyncio.Event()
        self._closing = False
        self._announced: int | None = None

    def current(self) -> Snapshot:
        """The snapshot as it is now; read anew when the sequence has moved."""
        return self._newest().snapshot

    def keys(self) -> KeyRing:
        """The keys that are valid now, so that a revocation holds from the next request on."""
        return self._newest().keys

    def basis(self) -> tuple[State, Snapshot]:
        """The stored state, and the snapshot that was made of it."""
        newest = self._newest()
        return newest.state, newest.snapshot

    async def newer_than(
        self, caller: Caller, known: int | None, wait_seconds: float
    ) -> Snapshot | None:
        """A snapshot with another number, or None when there was none within the wait."""
        require_whole(caller, "Following")
        deadline = asyncio.get_running_loop().time() + min(wait_seconds, self._wait_limit_seconds)
        while True:
            changed = self._changed
            snapshot = await asyncio.to_thread(self.current)
            if snapshot.sequence != known:
                return snapshot
            if self._closing or not await _happened(changed, deadline):
                return None

    def wake(self) -> None:
        """Have all who wait look again. Belongs to the event loop's thread."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def poll(self) -> None:
        """Wake who waits when another replica has made a change."""
        newest = await asyncio.to_thread(self.current)
        if newest.sequence != self._announced:
            self._announced = newest.sequence
            self.wake()

    def close(self) -> None:
        """End all waits, present and to come, so that a shutdown need not wait for them."""
        self._closing = True
        self.wake()

    def _newest(self) -> "_Kept":
        kept = self._kept
        if kept is None or kept.state.sequence != self._state.sequence():
            state = self._state.state()
            snapshot = snapshot_of(state, self._clock())
            ring = KeyRing(snapshot.keys, TokenVerifier(snapshot.token_keys))
            kept = self._kept = _Kept(state, snapshot, ring)
        return kept


@dataclass(frozen=True, slots=True)
class _Kept:
    state: State
    snapshot: Snapshot
    keys: KeyRing


async def _happened(changed: asyncio.Event, deadline: float) -> bool:
    try:
        async with asyncio.timeout_at(deadline):
            await changed.wait()
    except TimeoutError:
        return False
    return True


def snapshot_of(state: State, now: datetime) -> Snapshot:
    """The stored state as followers need it."""
    configured = state.configuration
    installation = (
        KeyRecord(id=key.id, digest=key.digest, scopes=key.scopes) for key in configured.keys
    )
    issued = (_record(key) for key in state.keys if key.valid(now))
    return Snapshot(
        sequence=state.sequence,
        deployments=tuple(_deployment(served, now) for served in state.deployments),
        keys=(*installation, *issued),
        trusted_types=effective(configured.trusted_types, state.trust),
        token_keys=tuple(TokenKey(**asdict(key)) for key in configured.token_keys),
    )


def _record(key: Key) -> KeyRecord:
    return KeyRecord(
        id=key.id,
        digest=key.digest,
        scopes=key.scopes,
        deployment=key.reach.deployment,
        project=key.reach.project,
        expires_at=key.expires_at,
        limits=key.limits,
    )


def _deployment(served: Served, now: datetime) -> DeploymentSnapshot:
    deployment, history = served.deployment, served.history
    numbers, before = versions_to_serve(history, now), last_of_previous_main(history)
    return DeploymentSnapshot(
        name=deployment.name,
        project=deployment.project,
        model=deployment.model,
        access=deployment.access,
        description=deployment.description,
        release=history[-1].number,
        released_at=history[-1].released_at,
        first_release=history[0].number,
        main=history[-1].setting.main,
        challengers=history[-1].setting.challengers,
        policy=history[-1].setting.policy,
        main_since=main_since(history),
        previous_main=None if before is None else before.setting.main,
        previous_release=None if before is None else before.number,
        pairings=tuple(
            Pairing(version=owed.version, since=owed.since) for owed in pairings(history, now)
        ),
        couples=tuple(CoupleBody(**asdict(couple)) for couple in couples(history)),
        versions=tuple(_served(served.versions[number]) for number in sorted(numbers)),
    )


def _served(version: Version) -> ServedVersion:
    compiled, baseline = version.draft.compiled, version.draft.baseline
    return ServedVersion(
        format=version.draft.format,
        version=version.number,
        artifact=version.draft.artifact,
        reference=version.draft.reference,
        signature=version.draft.signature,
        compiled=CompiledBody(**asdict(compiled)) if isinstance(compiled, Compiled) else None,
        baseline=BaselineBody(**asdict(baseline)) if isinstance(baseline, Baseline) else None,
        evaluation=version.draft.evaluation,
        time_column=version.draft.time_column,
        trained_at=version.draft.lineage.trained_at,
    )
