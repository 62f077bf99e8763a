"""The person behind an actor: keys belong to whoever issued them, however many keys lie between."""

from collections.abc import Callable
from typing import Final

from services.registry.domain.audit import SYSTEM

INSTALLATION: Final = "the installation"
"""Who holds the settings' keys counts as one person: which of them acted is not known."""

Issuer = Callable[[str], str | None]
"""Who issued the key of that id; None when no such key is known, "" when nobody kept it."""


def person_behind(actor: str, installation_keys: frozenset[str], issuer: Issuer) -> str:
    """A user as `user:<name>`, the installation, or the actor where the chain ends untold."""
    passed = set[str]()
    while actor not in passed:
        if actor == SYSTEM or actor in installation_keys:
            return INSTALLATION
        passed.add(actor)
        actor = issuer(actor) or actor
    return actor
