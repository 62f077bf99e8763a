"""What the monitor is told. Each setting is read from `UNDERSTUDY_` + its name in capitals."""

from typing import Annotated

from pydantic import Field

from understudy.runtime.settings import FollowerSettings, Port, Seconds

Count = Annotated[int, Field(ge=1)]


class MonitorSettings(FollowerSettings):
    """Settings of the monitor process."""

    monitor_port: Port = 8702
    """Port to listen on."""
    monitor_window_minutes: Count = 10
    """The minutes that the readings are taken over."""
    monitor_drift_rows: Count = 100
    """From fewer live rows than this no drift is computed."""
    monitor_retention_hours: Count = 24
    """How long the counts of a minute are kept."""
    monitor_pause_seconds: Seconds = 0.5
    """Between two looks at a log that was read to its end: figures are this old at most."""
    monitor_wait_seconds: Seconds = 1.0
    """How long one look may hang at Redis for entries to come."""
    monitor_batch_entries: Count = 500
    """Entries of each stream that one look takes at most."""
    monitor_heartbeat_seconds: Seconds = 10.0
    """Between two reports to the registry."""
    monitor_metric_features: Count = 100
    """Features with metrics of their own: those that drift most."""
    monitor_reference_rows: Count = 200_000
    """Rows of a reference sample that its profile is made of at most."""
    monitor_probe_rows: Annotated[int, Field(ge=200, le=10_000)] = 1_000
    """Rows of a window in which changed interactions of features are looked for."""
    monitor_probe_seconds: Seconds = 30.0
    """Between two such looks; each takes the newest window, so a busy log is sampled."""
    monitor_probe_features: Annotated[int, Field(ge=2, le=200)] = 50
    """Features that are judged together at most: the most important ones."""
    monitor_probe_reference_rows: Annotated[int, Field(ge=200)] = 10_000
    """Rows of the reference sample that the classifiers see at most, evenly spread."""
    monitor_report_rows: Count = 10_000
    """Rows that a report shows at most, of the log and of the reference each."""
    monitor_report_cache_seconds: Annotated[float, Field(ge=60)] = 60.0
    """For how long a report is handed out again."""
    monitor_report_deadline_seconds: Seconds = 110.0
    """What a report may take; a little less than what clients wait for it."""
