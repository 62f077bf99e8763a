"""Where the cluster is, and what a load leaves on disk for whoever goes on with it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ValidationError

from examples.candidates import Row
from understudy.cli.addresses import Addresses as Written

STATE_FILE: Final = "example.json"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the cluster's services are."""

    registry_url: str = "http://127.0.0.1:8701"
    serving_url: str = "http://127.0.0.1:8700"
    monitor_url: str = "http://127.0.0.1:8702"


def located(
    state_dir: Path,
    registry_url: str | None = None,
    serving_url: str | None = None,
    monitor_url: str | None = None,
) -> Addresses:
    """What is given; else what `understudy up` wrote into the folder; else the usual ports."""
    written = Written.read(state_dir)
    return Addresses(
        registry_url=registry_url or written.registry_url,
        serving_url=serving_url or written.serving_url,
        monitor_url=monitor_url or written.monitor_url,
    )


class Loaded(BaseModel):
    """What the story leaves in the state folder for whoever goes on with it."""

    deployment: str
    key: str
    key_id: str
    example_row: Row
    forms: dict[str, str]
    """Form pages by deployment."""

    @classmethod
    def read(cls, state_dir: Path) -> Self | None:
        """What an earlier load left; None when there is nothing that can be read."""
        try:
            return cls.model_validate_json((state_dir / STATE_FILE).read_bytes())
        except (OSError, ValidationError):
            return None

    def write(self, state_dir: Path) -> Path:
        """Keep it; it holds a key, so only its owner may read it."""
        state_dir.mkdir(parents=True, exist_ok=True)
        path, draft = state_dir / STATE_FILE, state_dir / f"{STATE_FILE}.part"
        draft.touch(mode=0o600)
        draft.write_text(self.model_dump_json(indent=2))
        return draft.replace(path)
