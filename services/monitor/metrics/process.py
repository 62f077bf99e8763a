"""What happened in this process, as verbs."""

from contextlib import suppress
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from services.monitor.domain.deciding.deeds import DeedState
from understudy.contracts.vocabulary import Verdict
from understudy.runtime.refusals import WATCHED

_RELEASING: Final = (Verdict.PROMOTE, Verdict.ROLL_BACK)
_OUTCOMES: Final = (DeedState.RECOMMENDED, DeedState.DONE, DeedState.FAILED)


class MonitorMetrics:
    """What happened in this process, as verbs."""

    def __init__(self, registry: CollectorRegistry) -> None:
        ProcessCollector(registry=registry)
        self._last_step = Gauge(
            "understudy_monitor_last_step_timestamp_seconds",
            "When a step over any deployment's log last succeeded.",
            registry=registry,
        )
        self._failures = Counter(
            "understudy_monitor_step_failures",
            "Steps that failed and are tried again.",
            ("deployment",),
            registry=registry,
        )
        self._refused = Counter(
            "understudy_monitor_commits_refused",
            "Commits that found the stored state moved on, so that it was read again.",
            ("deployment",),
            registry=registry,
        )
        self._elsewhere = Counter(
            "understudy_monitor_labels_elsewhere",
            "Steps refused because another outcome store holds the deployment's labels.",
            ("deployment",),
            registry=registry,
        )
        self._probe_failures = Counter(
            "understudy_monitor_probe_failures",
            "Looks for changed interactions that failed; the next one takes newer rows.",
            ("deployment",),
            registry=registry,
        )
        self._report_failures = Counter(
            "understudy_monitor_report_failures",
            "Reports at alarms that could not be made or kept.",
            ("deployment",),
            registry=registry,
        )
        self._judging_failures = Counter(
            "understudy_monitor_judging_failures",
            "Judgements that could not be made; the next one is tried anyway.",
            ("deployment",),
            registry=registry,
        )
        self._actions = Counter(
            "understudy_actions",
            "Verdicts that ask for a release, by what became of them: done, failed, recommended.",
            ("deployment", "verdict", "outcome"),
            registry=registry,
        )
        self._acted = set[tuple[str, str, str]]()
        self._refusals = Counter(
            "understudy_monitor_refusals",
            "Requests that were refused or failed, by the code of the problem and the status.",
            ("code", "status"),
            registry=registry,
        )
        for code, status in WATCHED:
            self._refusals.labels(code, str(status))
        self._by_deployment = (
            self._failures,
            self._refused,
            self._elsewhere,
            self._probe_failures,
            self._report_failures,
            self._judging_failures,
        )

    def begins(self, deployment: str) -> None:
        """The deployment is watched: what alerts look at is there, at 0."""
        for counter in self._by_deployment:
            counter.labels(deployment)
        for verdict, outcome in product(_RELEASING, _OUTCOMES):
            self._action(deployment, verdict, outcome)

    def refused(self, code: str, status: int) -> None:
        """A request was not answered as it was asked."""
        self._refusals.labels(code, str(status)).inc()

    def stepped(self, now: float) -> None:
        """A step succeeded."""
        self._last_step.set(now)

    def step_failed(self, deployment: str) -> None:
        """A step failed."""
        self._failures.labels(deployment).inc()

    def probe_failed(self, deployment: str) -> None:
        """A look for changed interactions failed."""
        self._probe_failures.labels(deployment).inc()

    def report_failed(self, deployment: str) -> None:
        """A report at an alarm was not kept."""
        self._report_failures.labels(deployment).inc()

    def commit_refused(self, deployment: str) -> None:
        """A commit was not applied."""
        self._refused.labels(deployment).inc()

    def labels_elsewhere(self, deployment: str) -> None:
        """Nothing was counted or concluded: another outcome store holds the labels."""
        self._elsewhere.labels(deployment).inc()

    def judging_failed(self, deployment: str) -> None:
        """A judgement could not be made."""
        self._judging_failures.labels(deployment).inc()

    def acted(self, deployment: str, verdict: Verdict, outcome: str) -> None:
        """A verdict that asks for a release was carried out, failed, or was recommended."""
        self._action(deployment, verdict, outcome).inc()

    def forget(self, deployment: str) -> None:
        """The deployment is gone."""
        for counter in self._by_deployment:
            with suppress(KeyError):
                counter.remove(deployment)
        for labels in [each for each in self._acted if each[0] == deployment]:
            self._acted.discard(labels)
            self._actions.remove(*labels)

    def _action(self, deployment: str, verdict: Verdict, outcome: str) -> Counter:
        labels = (deployment, str(verdict), outcome)
        self._acted.add(labels)
        return self._actions.labels(*labels)
