"""What the monitor is told. Each setting is read from `UNDERSTUDY_` + its name in capitals."""

from typing import Annotated, Final

from pydantic import Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import SettingsConfigDict

from understudy.runtime.settings import FollowerSettings, Port, Seconds
from understudy.runtime.urls import without_passwords

_SHORTEST_SECRET: Final = 32

Count = Annotated[int, Field(ge=1)]


def shown_database(url: str) -> str:
    """Without passwords; what is no URL is not shown at all, for it may be a password."""
    if "://" not in url:
        return "**********" if url else ""
    return without_passwords(url)


class MonitorSettings(FollowerSettings):
    """Settings of the monitor process."""

    # A short secret must not be printed by the error that says so.
    model_config = SettingsConfigDict(hide_input_in_errors=True)

    monitor_port: Port = 8702
    """Port to listen on."""
    monitor_connections: Count = 1_000
    """Connections that are held; further ones are refused with 503."""
    monitor_head_seconds: Seconds = 10.0
    """How long a client may take to send a request's head; then its connection is closed."""
    monitor_body_seconds: Seconds = 30.0
    """How long a client may take to send a body; then it is answered with 408."""
    monitor_key: SecretStr | None = None
    """A key with the scopes follow, read and release, used instead of the service key. Without it
    the registry refuses whatever the monitor would do by itself."""
    monitor_window_minutes: Count = 10
    """The minutes that the readings are taken over."""
    monitor_drift_rows: Count = 100
    """From fewer live rows than this no drift is computed."""
    monitor_retention_hours: Count = 24
    """How long the counts of a minute are kept; then they are added to those of its hour."""
    monitor_retention_days: Count = 35
    """How long the counts of an hour are kept: as far back slow drift is seen."""
    monitor_pause_seconds: Seconds = 0.5
    """Between two looks at a log that was read to its end: figures are this old at most."""
    monitor_wait_seconds: Seconds = 1.0
    """How long one look may hang at Redis for entries to come."""
    monitor_batch_entries: Count = 200
    """Entries of each stream that one look takes at most."""
    monitor_heartbeat_seconds: Seconds = 10.0
    """Between two reports to the registry."""
    monitor_metric_features: Count = 100
    """Features with metrics of their own: those that drift most."""
    monitor_metric_distributions: Annotated[int, Field(ge=0, le=100)] = 10
    """Features whose distribution is in metrics, live beside the reference: those that drift, then
    the most important ones. Each takes up to 24 series."""
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
    monitor_lease_seconds: Annotated[float, Field(ge=1)] = 15.0
    """After so long without a word from a monitor, others take its deployments over."""
    monitor_archive_url: str | None = None
    """fsspec URL of the folder that the log is archived to, as Parquet; one in the state folder
    when it is not set; nothing is archived when it is empty."""
    monitor_archive_seconds: Seconds = 300.0
    """The log is archived in windows of so long, each once it is over."""
    monitor_archive_rows: Count = 50_000
    """From so many rows on a window is cut into several files."""
    monitor_archive_days: Annotated[float, Field(gt=0)] | None = None
    """For how long what is archived is kept; for ever when it is not set."""
    monitor_outcomes_url: SecretStr | None = None
    """SQLAlchemy URL of the database that answers and labels are joined in: `sqlite:///…`, or
    `postgresql+psycopg://…` for several monitors. A file in the state folder when it is not set."""
    monitor_outcomes_days: Annotated[float, Field(gt=0)] = 90.0
    """For how long answers wait for labels there, and labels for answers; counts stay."""
    monitor_protected_days: Annotated[float, Field(gt=0)] = 30.0
    """For how long protected attributes are kept, in the archive as well."""
    monitor_archive_deadline_seconds: Seconds = 60.0
    """What writing or reading one file of the archive may take."""
    monitor_judge_seconds: Seconds = 2.0
    """Between two judgements of a deployment."""
    monitor_alert_secret: SecretStr | None = None
    """What bodies of `POST /v1/alerts` may be signed with: at least 32 characters. Without it only
    keys with the scope alert let in."""
    monitor_alert_seconds: Seconds = 900.0
    """For how long an alert is believed to fire after it was last told: at least three times the
    `repeat_interval` of Alertmanager's route to the monitor."""
    monitor_prometheus_url: HttpUrl | None = None
    """A Prometheus that is asked whether an alert fires before one counts; what it does not confirm
    decides nothing. Without it what is told is believed."""
    monitor_weighing_seconds: Seconds = 900.0
    """Between two looks at how much more often the like of each baseline row comes now."""
    monitor_report_rows: Count = 10_000
    """Rows that a report shows at most, of the log and of the reference each."""
    monitor_reports_url: str | None = None
    """fsspec URL of the folder that reports at alarms are kept in; one in the state folder when it
    is not set."""
    monitor_reports_kept: Annotated[int, Field(ge=1, le=1_000)] = 50
    """Reports that are kept for each deployment; the oldest goes first."""
    monitor_report_cache_seconds: Annotated[float, Field(ge=60)] = 60.0
    """For how long a report is handed out again."""
    monitor_report_deadline_seconds: Seconds = 110.0
    """What a report may take; a little less than what clients wait for it."""

    @field_validator("monitor_key", "monitor_alert_secret")
    @classmethod
    def _empty_is_none(cls, key: SecretStr | None) -> SecretStr | None:
        return key if key is not None and key.get_secret_value() else None

    @field_validator("monitor_alert_secret")
    @classmethod
    def _long_enough(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < _SHORTEST_SECRET:
            raise ValueError(f"a secret has at least {_SHORTEST_SECRET} characters")
        return secret

    def effective(self) -> dict[str, object]:
        """As everywhere; of URLs that may hold passwords only those are masked."""
        stated, asked = self.monitor_outcomes_url, self.monitor_prometheus_url
        outcomes = None if stated is None else shown_database(stated.get_secret_value())
        prometheus = None if asked is None else without_passwords(str(asked))
        return {
            **super().effective(),
            "monitor_outcomes_url": outcomes,
            "monitor_prometheus_url": prometheus,
        }

    @property
    def registry_key(self) -> str:
        """What the registry is asked with."""
        return (self.monitor_key or self.service_key).get_secret_value()
