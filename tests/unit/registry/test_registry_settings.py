"""Settings are checked before anything starts, and secrets stay secret."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from services.registry.adapters.database import Database
from services.registry.domain.errors import StoreUnavailableError
from services.registry.settings import RegistrySettings

KEY = "us_admin0001_aaaaaaaaaaaaaaaaaaaaaaaaaaaa"


def settings(**stated: str) -> RegistrySettings:
    return RegistrySettings.model_validate(stated)


def test_without_settings_everything_is_in_the_state_folder() -> None:
    found = settings(state_dir="/srv/var")
    assert found.database == "sqlite:////srv/var/registry/registry.db"
    assert found.artifacts == "file:///srv/var/registry/artifacts"
    assert settings().database == "sqlite:///var/registry/registry.db"
    assert settings().artifacts == (Path.cwd() / "var/registry/artifacts").as_uri()


def test_urls_take_precedence_and_are_masked() -> None:
    url = "postgresql+psycopg://me:hunter2@db/registry"
    found = settings(database_url=url, artifacts_url="s3://bucket/folder", admin_key=KEY)
    assert (found.database, found.artifacts) == (url, "s3://bucket/folder")
    assert "hunter2" not in str(found.effective())
    assert KEY not in str(found.effective())


@pytest.mark.parametrize("key", ["hunter2", "us_ADMIN0001_" + "a" * 30, "us_admin0001_short"])
def test_a_key_that_is_none_is_refused_without_printing_it(key: str) -> None:
    with pytest.raises(ValidationError, match="us_<id>_<secret>") as refused:
        settings(admin_key=key)
    assert key not in str(refused.value)


def test_an_empty_key_is_no_key() -> None:
    assert settings(admin_key="").admin_key is None


def test_keys_need_ids_of_their_own() -> None:
    with pytest.raises(ValidationError, match="different ids"):
        settings(admin_key=KEY, metrics_key=KEY[:-1] + "b")
    with pytest.raises(ValidationError, match="different ids"):
        settings(service_key=KEY, monitor_key=KEY)


def test_trusted_types_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNDERSTUDY_TRUSTED_TYPES", "a.B, c.D,,")
    assert RegistrySettings().trusted_types == ("a.B", "c.D")


@pytest.mark.parametrize("url", ["oracle-of-delphi", "nosuch://x", "sqlite:////proc/no/x.db"])
def test_a_database_that_cannot_be_opened_is_told(url: str) -> None:
    with pytest.raises(StoreUnavailableError, match="UNDERSTUDY_DATABASE_URL"):
        Database(url)
