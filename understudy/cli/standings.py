"""What the monitor says of deployments in a few words, for lists; nothing when it does not say."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from understudy.cli.figures import percent
from understudy.cli.wording import RULES, verdict_in_words
from understudy.client import ClientError, MonitorClient, UnreachableError
from understudy.contracts.monitor import CoverageView, Judgement

Answer = TypeVar("Answer")

_BUDGET_SECONDS: Final = 5.0
"""A list does not wait longer than this for all its verdicts together."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One deployment; absent where the monitor did not say."""

    judgement: Judgement | None = None
    coverage: CoverageView | None = None

    @property
    def verdict(self) -> str | None:
        """`promote version 3`."""
        return None if self.judgement is None else verdict_in_words(self.judgement)

    @property
    def verdict_and_rule(self) -> str | None:
        """The same, and why."""
        if self.judgement is None:
            return None
        return f"{self.verdict} – {RULES[self.judgement.rule]}"

    def labelled(self, main: int) -> str | None:
        """`50.0% of 4,300`: the share of the main's answers that have labels."""
        reading = None if self.coverage is None else self.coverage.versions.get(str(main))
        if reading is None or reading.coverage_ratio is None:
            return None
        return f"{percent(reading.coverage_ratio)} of {reading.answered:,}"


class Standings:
    """Asks for one deployment after another; once nobody answers, it stops asking."""

    def __init__(self, monitor: MonitorClient) -> None:
        self._monitor = monitor
        self._until = time.monotonic() + _BUDGET_SECONDS

    def of(self, deployment: str) -> Standing:
        """What is said of it. An older monitor, or a key without reach, says nothing."""
        return Standing(
            self._ask(self._monitor.verdict, deployment),
            self._ask(self._monitor.coverage, deployment),
        )

    def _ask(self, question: Callable[[str], Answer], deployment: str) -> Answer | None:
        if time.monotonic() > self._until:
            return None
        try:
            return question(deployment)
        except UnreachableError:
            self._until = 0.0
        except ClientError:
            pass
        return None
