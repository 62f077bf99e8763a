"""What parts go by, read off the settings."""

from typing import Final

import numpy as np

from services.monitor.domain.parts import PartLimits
from services.monitor.domain.rules import Rules
from services.monitor.operations import ProbeTerms, ReportTerms
from services.monitor.operations.alerts import AlertTerms
from services.monitor.operations.forgetting import Retention
from services.monitor.settings import MonitorSettings
from understudy.runtime.buckets import LATENCY_SECONDS

_PART_BYTES: Final = 16 * 1024**2
"""Of entries in one file of the archive: bounds the memory that making it takes."""


def rules_of(settings: MonitorSettings) -> Rules:
    """How rows are counted and read."""
    return Rules(
        latency_edges=np.array(LATENCY_SECONDS),
        window_minutes=settings.monitor_window_minutes,
        retention_minutes=max(
            settings.monitor_retention_hours * 60, settings.monitor_window_minutes
        ),
        drift_rows=settings.monitor_drift_rows,
        history_minutes=settings.monitor_retention_days * 1_440,
        distributions=settings.monitor_metric_distributions,
    )


def retention_of(settings: MonitorSettings) -> Retention:
    """For how long facts are kept."""
    return Retention(settings.monitor_outcomes_days, settings.monitor_protected_days)


def part_limits_of(settings: MonitorSettings) -> PartLimits:
    """When a part of the archive is closed."""
    return PartLimits(
        window_milliseconds=max(1, round(settings.monitor_archive_seconds * 1_000)),
        rows=settings.monitor_archive_rows,
        size=_PART_BYTES,
    )


def probe_terms_of(settings: MonitorSettings) -> ProbeTerms:
    """What a look for changed interactions takes in."""
    return ProbeTerms(
        rows=settings.monitor_probe_rows,
        features=settings.monitor_probe_features,
        reference_rows=settings.monitor_probe_reference_rows,
    )


def alert_terms_of(settings: MonitorSettings) -> AlertTerms:
    """How alerts are taken."""
    secret = settings.monitor_alert_secret
    signed = None if secret is None else secret.get_secret_value()
    return AlertTerms(settings.monitor_alert_seconds, signed)


def report_terms_of(settings: MonitorSettings) -> ReportTerms:
    """What reports are made under."""
    return ReportTerms(
        rows=settings.monitor_report_rows,
        deadline_seconds=settings.monitor_report_deadline_seconds,
        cache_seconds=settings.monitor_report_cache_seconds,
    )
