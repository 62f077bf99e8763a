"""Which registry a program means that names none: as the command line finds it."""

import os
from pathlib import Path
from typing import Final

from understudy.client.addresses import Addresses
from understudy.client.registry import RegistryClient
from understudy.importing.errors import ImportingError

_URL: Final = "UNDERSTUDY_REGISTRY_URL"
_KEY: Final = "UNDERSTUDY_KEY"
_STATE: Final = "UNDERSTUDY_STATE_DIR"


def registry_of_environment() -> RegistryClient:
    """A client of UNDERSTUDY_REGISTRY_URL with UNDERSTUDY_KEY, or of the laptop's registry.

    A laptop's is that of `understudy up` in UNDERSTUDY_STATE_DIR, or in `var` here. Raises
    ImportingError where there is no key.
    """
    state = Path(os.environ.get(_STATE) or "var")
    url = os.environ.get(_URL) or Addresses.read(state).registry_url
    return RegistryClient(url, os.environ.get(_KEY) or _laptop_key(state))


def _laptop_key(state: Path) -> str:
    file = state / "secrets" / "admin.key"
    try:
        return file.read_text().strip()
    except OSError as error:
        raise ImportingError(
            "registry",
            f"no key: set {_KEY} (and {_URL}), or give a RegistryClient (there is no {file} of a "
            "laptop either)",
        ) from error
