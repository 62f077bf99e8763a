"""Where the services are and which key to use: options, else the environment, else the laptop's."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
import typer

from understudy.cli.addresses import Addresses
from understudy.client import MonitorClient, RegistryClient, ServingClient
from understudy.client.connection import Connection
from understudy.client.history import HistoryClient

Client = TypeVar("Client", bound=Connection)


@dataclass(frozen=True, slots=True)
class Connections:
    """What the options before (or after) a command's name say."""

    addresses: Addresses
    key: str | None
    state_dir: Path
    """Of the laptop whose key and addresses stand in where nothing else is said."""

    def registry(self) -> RegistryClient:
        """A client of the registry."""
        return _connected(RegistryClient, self.addresses.registry_url, self._needed_key())

    def serving(self) -> ServingClient:
        """A client of serving; a public deployment asks for no key."""
        return _connected(ServingClient, self.addresses.serving_url, self._found_key())

    def monitor(self) -> MonitorClient:
        """A client of the monitor."""
        return _connected(MonitorClient, self.addresses.monitor_url, self._needed_key())

    def history(self) -> HistoryClient:
        """A client of what the monitor keeps of the past."""
        return _connected(HistoryClient, self.addresses.monitor_url, self._needed_key())

    def _found_key(self) -> str | None:
        try:
            found = self.key or self._key_file.read_text(errors="replace").strip()
        except OSError:
            return None
        if not (found.isascii() and found.isprintable()):
            where = "--key (or UNDERSTUDY_KEY)" if self.key else str(self._key_file)
            raise typer.BadParameter(f"{where} holds characters that no key has")
        return found

    def _needed_key(self) -> str:
        found = self._found_key()
        if found is None:
            raise typer.BadParameter(
                "no key: give --key or set UNDERSTUDY_KEY "
                f"(there is no {self._key_file} of a laptop either)"
            )
        return found

    @property
    def _key_file(self) -> Path:
        return self.state_dir / "secrets" / "admin.key"


def _connected(kind: type[Client], url: str, key: str | None) -> Client:
    try:
        return kind(url, key)
    except httpx.InvalidURL as error:
        raise typer.BadParameter(f"{kind.setting}: {url!r} is no address ({error})") from error


def connections(context: typer.Context) -> Connections:
    """What the root command made of its options."""
    found = context.find_object(Connections)
    if found is None:  # the root callback runs before every command
        raise RuntimeError("the command line was entered beside its root")
    return found
