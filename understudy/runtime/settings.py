"""Settings come from the environment, prefixed `UNDERSTUDY_`; nothing else reads it.

What is secret may stand in files instead, as containers are given it: with `UNDERSTUDY_SECRETS_DIR`
naming a folder, its file `understudy_service_key` is the service key. The environment comes first.
"""

import os
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Field, HttpUrl, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)

SECRETS_DIR: Final = "UNDERSTUDY_SECRETS_DIR"

Port = Annotated[int, Field(ge=1, le=65_535)]
Seconds = Annotated[float, Field(gt=0)]


def _in_capitals(level: object) -> object:
    return level.strip().upper() if isinstance(level, str) else level


LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_in_capitals)
]
"""In any case; `logging` itself knows capitals only."""


class ServiceSettings(BaseSettings):
    """What every service is told. Each service extends it with what is its own."""

    model_config = SettingsConfigDict(
        env_prefix="UNDERSTUDY_", frozen=True, extra="ignore", use_attribute_docstrings=True
    )

    host: str = "127.0.0.1"
    """Address to listen on."""
    state_dir: Path = Path("var")
    """Folder for what this process must find again after a restart."""
    log_level: LogLevel = "INFO"
    """DEBUG, INFO, WARNING, ERROR or CRITICAL, in any case."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the same
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is passed, then the environment, then files of the folder of secrets."""
        stated = (init_settings, env_settings)
        folder = os.environ.get(SECRETS_DIR)
        if not folder:
            return stated
        if not Path(folder).is_dir():
            raise NotADirectoryError(f"{SECRETS_DIR} names {folder}, which is no folder")
        return (*stated, SecretsSettingsSource(settings_cls, secrets_dir=folder))

    def effective(self) -> dict[str, object]:
        """All settings, secrets masked, for the first log line."""
        return self.model_dump(mode="json")


class FollowerSettings(ServiceSettings):
    """What a process that follows the registry is told."""

    registry_url: HttpUrl = HttpUrl("http://127.0.0.1:8701")
    """Where the snapshot comes from."""
    service_key: SecretStr
    """A key with the scope `follow`."""
    redis_url: SecretStr = SecretStr("redis://127.0.0.1:8703/0")
    """May carry a password, so it is masked."""
    snapshot_wait_seconds: Seconds = 20.0
    """How long one question for a newer snapshot may hang at the registry."""
