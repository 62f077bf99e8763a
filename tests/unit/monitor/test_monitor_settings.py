"""What the monitor is told: shown without secrets, refused in one line."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from services.monitor.settings import MonitorSettings, shown_database

KEPT = "postgresql+psycopg://me:***@db:5432/labels?sslmode=require"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql+psycopg://me:s3c@ret@db:5432/labels?sslmode=require", KEPT),
        ("postgresql+psycopg://db/labels?user=me&password=secret", "password=***"),
        ("sqlite:////srv/outcomes.db", "sqlite:////srv/outcomes.db"),
        ("secret", "**********"),
        ("", ""),
    ],
)
def test_of_the_outcome_stores_url_only_passwords_are_masked(url: str, shown: str) -> None:
    settings = MonitorSettings(service_key=SecretStr("k"), monitor_outcomes_url=SecretStr(url))
    found = settings.effective()["monitor_outcomes_url"]
    assert found == shown_database(url)
    assert str(found).endswith(shown)
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://me:s3c%40secret@prometheus:9090/p", "https://me:***@prometheus:9090/p"),
        ("http://prometheus:9090/?token=secret", "http://prometheus:9090/?token=***"),
        ("http://prometheus:9090/", "http://prometheus:9090/"),
    ],
)
def test_of_prometheus_url_only_the_password_is_masked(url: str, shown: str) -> None:
    stated = {"service_key": "k", "monitor_prometheus_url": url}
    assert MonitorSettings.model_validate(stated).effective()["monitor_prometheus_url"] == shown


@pytest.mark.parametrize(
    "url", ["none", "nodb+driver://here", "sqlite:///{file}/in/it.db", "{dir}"]
)
def test_an_outcome_store_that_can_not_be_used_is_one_line(tmp_path: Path, url: str) -> None:
    file = tmp_path / "file"
    file.touch()
    stated = url.format(file=file, dir=f"sqlite:///{tmp_path}")
    found = subprocess.run(
        [sys.executable, "-m", "services.monitor"],
        env={
            "UNDERSTUDY_SERVICE_KEY": "us_service_key",
            "UNDERSTUDY_STATE_DIR": str(tmp_path / "state"),
            "UNDERSTUDY_MONITOR_OUTCOMES_URL": stated,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 1
    (line,) = found.stderr.splitlines()
    assert line.startswith("The monitor can't start: The outcome store ")
    assert "UNDERSTUDY_MONITOR_OUTCOMES_URL" in line


def test_a_short_secret_is_refused_and_not_printed() -> None:
    settings = {"service_key": "k", "monitor_alert_secret": "0123456789short"}
    with pytest.raises(ValidationError, match="at least 32 characters") as raised:
        MonitorSettings.model_validate(settings)
    assert "0123456789short" not in str(raised.value)
    none = MonitorSettings.model_validate({**settings, "monitor_alert_secret": ""})
    assert none.monitor_alert_secret is None
