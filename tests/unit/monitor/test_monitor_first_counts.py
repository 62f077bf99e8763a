"""What alerts look at is there at 0 before it first counts: an increase shows the first event."""

from prometheus_client import CollectorRegistry, generate_latest

from services.monitor.metrics import ArchiveMetrics, MonitorMetrics

FAILURES = ("step", "probe", "report", "judging")
ACTIONS = [
    f'understudy_actions_total{{deployment="flowers",outcome="{outcome}",verdict="{verdict}"}}'
    for verdict in ("promote", "roll_back")
    for outcome in ("done", "failed", "recommended")
]
OTHERS = [
    *(f'understudy_monitor_{name}_failures_total{{deployment="flowers"}}' for name in FAILURES),
    'understudy_monitor_labels_elsewhere_total{deployment="flowers"}',
]
REFUSALS = [
    'understudy_monitor_refusals_total{code="unauthenticated",status="401"}',
    'understudy_monitor_refusals_total{code="forbidden",status="403"}',
]


def lines(numbers: CollectorRegistry) -> set[str]:
    return {*generate_latest(numbers).decode().splitlines()}


def test_of_what_is_watched_nothing_was_counted_yet() -> None:
    numbers = CollectorRegistry()
    metrics = MonitorMetrics(numbers)
    assert {f"{name} 0.0" for name in REFUSALS} <= lines(numbers)
    metrics.begins("flowers")
    assert {f"{name} 0.0" for name in (*ACTIONS, *OTHERS)} <= lines(numbers)
    metrics.forget("flowers")
    assert not any("flowers" in line for line in lines(numbers))


def test_of_what_is_archived_no_failure_was_counted_yet() -> None:
    numbers = CollectorRegistry()
    ArchiveMetrics(numbers).begins("flowers")
    assert 'understudy_archive_failures_total{deployment="flowers"} 0.0' in lines(numbers)
