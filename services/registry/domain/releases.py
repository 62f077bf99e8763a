"""What a release is and how a change makes the next one. Pure: history and command in, plan out.

**Rollback without a target** restores the setting that was current before the current setting was
made. A rollback's own setting counts as made where it was first made, so rolling back twice goes
two settings back instead of to and fro, and ends at the first one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, assert_never

from services.registry.domain.errors import (
    AlreadyInReleaseError,
    AmbiguousSwapError,
    InvalidCommandError,
    NotAChallengerError,
    NothingChangesError,
    NothingToRollBackError,
    TooManyChallengersError,
    UnknownReferenceError,
)
from understudy.contracts.policy import Policy
from understudy.contracts.refusals import FieldError
from understudy.contracts.vocabulary import FormerMain, ReleaseKind

MAX_CHALLENGERS: Final = 16
UNLESS_STATED: Final = Policy()
_WITHOUT_VERSION: Final[Mapping[ReleaseKind, str]] = {
    ReleaseKind.ROLLBACK: "A rollback names a release, not a version.",
    ReleaseKind.CONFIGURE: "A policy is that of the deployment; it names no version.",
}


@dataclass(frozen=True, slots=True)
class Setting:
    """Which versions a deployment answers with and measures, and how it answers."""

    main: int
    challengers: tuple[int, ...] = ()
    policy: Policy = UNLESS_STATED

    def __post_init__(self) -> None:
        if self.main in self.challengers:
            raise InvalidCommandError(
                "/challengers", f"Version {self.main} can't be main and challenger at once."
            )
        if len(set(self.challengers)) != len(self.challengers):
            raise InvalidCommandError("/challengers", "A version is named twice.")
        if len(self.challengers) > MAX_CHALLENGERS:
            raise TooManyChallengersError(
                f"A deployment has at most {MAX_CHALLENGERS} challengers; withdraw one first"
            )

    def same_as(self, other: "Setting") -> bool:
        """Whether both answer alike and name the same versions; order means nothing."""
        beside, others = set(self.challengers), set(other.challengers)
        return (self.main, beside, self.policy) == (other.main, others, other.policy)


@dataclass(frozen=True, slots=True)
class Release:
    """One numbered setting of a deployment, and who made it why."""

    deployment: str
    number: int
    kind: ReleaseKind
    setting: Setting
    released_at: datetime
    released_by: str
    reason: str = ""
    restores: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What somebody asks of a deployment."""

    kind: ReleaseKind
    version: int | None = None
    release: int | None = None
    former_main: FormerMain = FormerMain.CHALLENGER
    reason: str = ""
    policy: Policy | None = None
    evidence: Mapping[str, object] | None = None
    """What it rests on: for the audit trail alone."""

    def __post_init__(self) -> None:
        self._check_version()
        if self.kind is not ReleaseKind.ROLLBACK and self.release is not None:
            raise InvalidCommandError("/release", f"Only a rollback names a release: {self.kind}.")
        configures = self.kind is ReleaseKind.CONFIGURE
        if configures and self.policy is None:
            raise InvalidCommandError("/policy", "Give the policy to configure, whole.")
        if not configures and self.policy is not None:
            raise InvalidCommandError(
                "/policy", f"Only 'configure' changes the policy; {self.kind} keeps it."
            )
        if self.former_main is FormerMain.RETIRED and self.kind is not ReleaseKind.PROMOTE:
            raise InvalidCommandError("/former_main", "Only a promotion can retire the main.")

    def _check_version(self) -> None:
        if self.kind in _WITHOUT_VERSION and self.version is not None:
            raise InvalidCommandError("/version", _WITHOUT_VERSION[self.kind])
        optional = self.kind is ReleaseKind.SWAP or self.kind in _WITHOUT_VERSION
        if not optional and self.version is None:
            raise InvalidCommandError("/version", f"Name the version to {self.kind}.")


@dataclass(frozen=True, slots=True)
class Plan:
    """The setting that a change leads to."""

    setting: Setting
    restores: int | None = None


def plan(history: Sequence[Release], change: Change) -> Plan:
    """The setting that `change` makes of the last release in `history` (ascending, not empty)."""
    current = history[-1].setting
    match change.kind:
        case ReleaseKind.DEPLOY:
            made = _deployed(current, _named(change))
        case ReleaseKind.CHALLENGE:
            made = _challenged(current, _named(change))
        case ReleaseKind.WITHDRAW:
            made = _without(current, _named(change))
        case ReleaseKind.PROMOTE:
            made = _promoted(current, _named(change), change.former_main)
        case ReleaseKind.SWAP:
            made = _promoted(current, _swapped(current, change), FormerMain.CHALLENGER)
        case ReleaseKind.CONFIGURE:
            made = _configured(current, change)
        case ReleaseKind.ROLLBACK:
            return _rolled_back(history, change.release)
        case _:
            assert_never(change.kind)
    return Plan(made)


def _named(change: Change) -> int:
    assert change.version is not None  # noqa: S101 - `Change` refuses this when it is made
    return change.version


def _deployed(current: Setting, version: int) -> Setting:
    if version == current.main:
        raise NothingChangesError(f"Version {version} is the main version already.")
    beside = tuple(held for held in current.challengers if held != version)
    return replace(current, main=version, challengers=beside)


def _challenged(current: Setting, version: int) -> Setting:
    if version == current.main:
        raise AlreadyInReleaseError(f"Version {version} is the main; it can't challenge itself.")
    if version in current.challengers:
        raise AlreadyInReleaseError(f"Version {version} is a challenger already.")
    return replace(current, challengers=(*current.challengers, version))


def _without(current: Setting, version: int) -> Setting:
    _require_challenger(current, version)
    beside = tuple(held for held in current.challengers if held != version)
    return replace(current, challengers=beside)


def _promoted(current: Setting, version: int, former_main: FormerMain) -> Setting:
    """The former main takes the promoted version's place among the challengers, or goes."""
    _require_challenger(current, version)
    keep = former_main is FormerMain.CHALLENGER
    replaced = (current.main if held == version else held for held in current.challengers)
    beside = tuple(held for held in replaced if keep or held != current.main)
    return replace(current, main=version, challengers=beside)


def _configured(current: Setting, change: Change) -> Setting:
    assert change.policy is not None  # noqa: S101 - `Change` refuses this when it is made
    if change.policy == current.policy:
        raise NothingChangesError("That is the deployment's policy already.")
    return replace(current, policy=change.policy)


def _swapped(current: Setting, change: Change) -> int:
    if change.version is not None:
        return change.version
    if not current.challengers:
        raise NotAChallengerError("There is no challenger to swap with; add one with 'challenge'.")
    if len(current.challengers) > 1:
        names = ", ".join(map(str, current.challengers))
        detail = f"There are several challengers ({names}): name the one to swap in as 'version'."
        raise AmbiguousSwapError(detail, FieldError("/version", detail))
    return current.challengers[0]


def _require_challenger(current: Setting, version: int) -> None:
    if version in current.challengers:
        return
    state = "the main version" if version == current.main else "not in the current release"
    challengers = ", ".join(map(str, current.challengers)) or "none"
    detail = f"Version {version} is no challenger but {state}; challengers now: {challengers}."
    raise NotAChallengerError(detail, FieldError("/version", detail))


def _rolled_back(history: Sequence[Release], number: int | None) -> Plan:
    target = _default_target(history) if number is None else _release(history, number)
    current = history[-1]
    if target.setting.same_as(current.setting):
        detail = f"Release {target.number} has the setting that is current already."
        raise NothingChangesError(detail, FieldError("/release", detail))
    return Plan(target.setting, target.number)


def _release(history: Sequence[Release], number: int) -> Release:
    for release in history:
        if release.number == number:
            return release
    known = f"{history[0].number} to {history[-1].number}"
    raise UnknownReferenceError("/release", f"There is no release {number}; there are {known}.")


def _default_target(history: Sequence[Release]) -> Release:
    current = history[-1]
    origin = _origin(history, current)
    for release in reversed(history):
        if release.number < origin and not release.setting.same_as(current.setting):
            return release
    raise NothingToRollBackError(
        f"Release {current.number} of {current.deployment} has no earlier setting to go back to."
    )


def _origin(history: Sequence[Release], release: Release) -> int:
    """Where the release's setting was made: followed through the rollbacks that repeated it."""
    numbered = {held.number: held for held in history}
    while release.restores is not None and release.restores in numbered:
        release = numbered[release.restores]
    return release.number
