"""Settings are read as people write them; what can't be meant is refused by name."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from understudy.runtime.settings import FollowerSettings, ServiceSettings


@pytest.mark.parametrize("written", ["warning", "WARNING", "Warning", " warning "])
def test_a_log_level_is_taken_in_any_case(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_LOG_LEVEL", written)
    assert ServiceSettings().log_level == "WARNING"


@pytest.mark.parametrize("written", ["loud", "", "20"])
def test_an_unknown_log_level_is_refused_by_name(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_LOG_LEVEL", written)
    with pytest.raises(ValidationError, match="'DEBUG', 'INFO', 'WARNING', 'ERROR'") as refused:
        ServiceSettings()
    assert refused.value.errors()[0]["loc"] == ("log_level",)


def test_secrets_may_stand_in_files_of_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "understudy_service_key").write_text("us_from_file\n")
    (tmp_path / "understudy_redis_url").write_text("redis://file:6379/0\n")
    monkeypatch.setenv("UNDERSTUDY_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("UNDERSTUDY_REDIS_URL", "redis://environment:6379/0")
    settings = FollowerSettings()
    assert settings.service_key.get_secret_value() == "us_from_file"
    assert settings.redis_url.get_secret_value() == "redis://environment:6379/0"


def test_a_folder_of_secrets_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNDERSTUDY_SECRETS_DIR", str(tmp_path / "gone"))
    with pytest.raises(NotADirectoryError, match="UNDERSTUDY_SECRETS_DIR names"):
        FollowerSettings(service_key=SecretStr("us_x"))
