"""Who did something, by the name of the key that was used."""

from contextlib import suppress
from pathlib import Path
from typing import Final

from understudy.client import ProblemError, RegistryClient

_OWN: Final = ("admin", "monitor", "service", "alert")
"""Keys of the processes themselves: a laptop's are in its state folder; no list has them."""


def names_of_keys(registry: RegistryClient, state_dir: Path) -> dict[str, str]:
    """`website (0123456789ab)` by `0123456789ab`, as far as the key in use may list keys."""
    names = dict(_own(state_dir / "secrets"))
    with suppress(ProblemError):  # ids are told then
        listed = registry.keys()
        names |= {key.id: key.name for key in listed}
    return {key_id: f"{name} ({key_id})" for key_id, name in names.items()}


def _own(secrets: Path) -> list[tuple[str, str]]:
    found = list[tuple[str, str]]()
    for name in _OWN:
        try:
            _, key_id, _ = (secrets / f"{name}.key").read_text().strip().split("_", 2)
        except (OSError, ValueError):
            continue
        found.append((key_id, name))
    return found
