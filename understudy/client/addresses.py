"""Where a laptop's services answer: `understudy up` writes it down, other programs read it."""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

FILE: Final = "addresses.json"


class Addresses(BaseModel):
    """The services' addresses; those of an untouched laptop unless told otherwise."""

    model_config = ConfigDict(frozen=True)

    serving_url: str = "http://127.0.0.1:8700"
    registry_url: str = "http://127.0.0.1:8701"
    monitor_url: str = "http://127.0.0.1:8702"

    @classmethod
    def read(cls, state_dir: Path) -> "Addresses":
        """Those of the laptop that was last started in the folder."""
        try:
            return cls.model_validate_json((state_dir / FILE).read_bytes())
        except (OSError, ValidationError):
            return cls()

    def write(self, state_dir: Path) -> None:
        """Leave them for the other commands."""
        (state_dir / FILE).write_text(self.model_dump_json(indent=2) + "\n")
