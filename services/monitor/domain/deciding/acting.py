"""What the policy makes of a verdict: nothing, a recommendation, or an action of the monitor's own.

An action is held back while any of these holds, so that releases never flap: a cool-down runs since
the last release of anybody; the release has answered too few rows; there is no version to go to;
the version to promote was once rolled back from by the monitor; the monitor had made it main before
and somebody took that back; the present release is itself a rollback of the monitor; the same was
tried and failed. Where people and monitor disagree, a person decides what comes next.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.monitor.domain.deciding.deeds import Deed, DeedState
from services.monitor.domain.deciding.judgement import ActionReading, Conclusion
from understudy.contracts.judging import Actions
from understudy.contracts.vocabulary import ActionMode, Verdict

RETRY_SECONDS: Final = 300.0
"""After a try that failed, or whose end is not known."""
_LEFT: Final = frozenset({DeedState.BEGUN, DeedState.DONE})
_TRIED: Final = frozenset({DeedState.BEGUN, DeedState.FAILED})


@dataclass(frozen=True, slots=True)
class Present:
    """Where the deployment stands."""

    deployment: str
    release: int
    released_at: float
    """Seconds since the epoch."""
    main: int
    rows: int
    """That were asked since the release."""
    now: float
    previous_release: int | None = None
    """That a rollback goes back to; None where there is none, or its main runs beside."""


def consider(
    conclusion: Conclusion, policy: Actions, present: Present, deeds: Sequence[Deed]
) -> ActionReading | None:
    """What is to be done, or keeps it from being done; None when there is nothing to do."""
    mode = _mode(conclusion.verdict, policy)
    if mode is ActionMode.OFF:
        return None
    done = _done(conclusion, present, deeds)
    version = present.main if conclusion.version is None else conclusion.version
    return ActionReading(
        verdict=conclusion.verdict,
        mode=mode,
        version=version,
        release=_release(conclusion, present),
        held_by=_held_by(conclusion, policy, present, deeds),
        done_release=done,
        undo=None if done is None else f"understudy rollback {present.deployment}",
    )


def _release(conclusion: Conclusion, present: Present) -> int | None:
    back = conclusion.verdict is Verdict.ROLL_BACK and conclusion.version is not None
    return present.previous_release if back else None


def _mode(verdict: Verdict, policy: Actions) -> ActionMode:
    if verdict is Verdict.PROMOTE:
        return policy.promote
    return policy.roll_back if verdict is Verdict.ROLL_BACK else ActionMode.OFF


def _done(conclusion: Conclusion, present: Present, deeds: Sequence[Deed]) -> int | None:
    """The release that this very verdict has made already; its snapshot is on its way."""
    done = (deed for deed in deeds if _same(deed, conclusion, present))
    return next((deed.made_release for deed in done if deed.state is DeedState.DONE), None)


def _held_by(
    conclusion: Conclusion, policy: Actions, present: Present, deeds: Sequence[Deed]
) -> str | None:
    if conclusion.version is None or conclusion.version == present.main:
        return "there is no version to go to"
    if _done(conclusion, present, deeds) is not None:
        return "it was done; the new release is on its way"
    since = present.now - present.released_at
    if since < policy.cool_down_seconds:
        left = policy.cool_down_seconds - since
        return f"the release is {since:.0f} s old; it cools down for another {left:.0f} s"
    if present.rows < policy.minimum_rows:
        return f"the release has answered {present.rows:,} rows of {policy.minimum_rows:,}"
    return _held_by_history(conclusion, present, deeds)


def _held_by_history(conclusion: Conclusion, present: Present, deeds: Sequence[Deed]) -> str | None:
    if any(_taken_back(deed, conclusion, present) for deed in deeds):
        return f"version {conclusion.version} was made main before and taken back; a person decides"
    back = [
        deed
        for deed in deeds
        if deed.verdict is Verdict.ROLL_BACK and deed.happened(present.release, present.main)
    ]
    if any(deed.former == conclusion.version for deed in back):
        return f"version {conclusion.version} was rolled back from before; a person has to decide"
    made = {deed.made_release or deed.release + 1 for deed in back}
    if conclusion.verdict is Verdict.ROLL_BACK and present.release in made:
        return "this release is a rollback already; a person has to decide what comes next"
    tried = [deed for deed in deeds if deed.release == present.release and deed.state in _TRIED]
    if tried and present.now - tried[0].at < RETRY_SECONDS:
        why = tried[0].failure or "what became of it is not known"
        return f"it was tried ({why}); it is tried again later"
    return None


def _taken_back(deed: Deed, conclusion: Conclusion, present: Present) -> bool:
    """Whether the monitor has done the very same before, and somebody has undone it since."""
    again = (deed.version, deed.former) == (conclusion.version, present.main)
    return again and deed.release < present.release and deed.state in _LEFT


def _same(deed: Deed, conclusion: Conclusion, present: Present) -> bool:
    found = (deed.release, deed.verdict, deed.version)
    return found == (present.release, conclusion.verdict, conclusion.version)
