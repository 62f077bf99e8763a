"""Where the services are and which key to use: options, else the environment, else the laptop's."""

from dataclasses import dataclass
from pathlib import Path

import typer

from understudy.client import MonitorClient, RegistryClient, ServingClient

LAPTOP_KEY = Path("var/secrets/admin.key")
"""Written by `understudy up` in the folder where it was started."""


@dataclass(frozen=True, slots=True)
class Connections:
    """What the options before (or after) a command's name say."""

    registry_url: str
    serving_url: str
    monitor_url: str
    key: str | None

    def registry(self) -> RegistryClient:
        """A client of the registry."""
        return RegistryClient(self.registry_url, self._key())

    def serving(self) -> ServingClient:
        """A client of serving; a public deployment asks for no key."""
        return ServingClient(self.serving_url, self.key or laptop_key())

    def monitor(self) -> MonitorClient:
        """A client of the monitor."""
        return MonitorClient(self.monitor_url, self._key())

    def _key(self) -> str:
        found = self.key or laptop_key()
        if found is None:
            raise typer.BadParameter(
                "no key: give --key or set UNDERSTUDY_KEY "
                f"(there is no {LAPTOP_KEY} in this folder either)"
            )
        return found


def laptop_key() -> str | None:
    """The administrator's key of a laptop that was started in this folder."""
    try:
        return LAPTOP_KEY.read_text().strip()
    except OSError:
        return None


def connections(context: typer.Context) -> Connections:
    """What the root command made of its options."""
    found = context.find_object(Connections)
    if found is None:  # the root callback runs before every command
        raise RuntimeError("the command line was entered beside its root")
    return found
