"""The person behind an actor: keys belong to whoever issued them, however many keys lie between."""

from collections.abc import Callable
from typing import Final

INSTALLATION: Final = "the installation"
"""One person for all of whom nobody can say who they are: holders of the settings' keys, of keys
whose issuer was not kept, of keys that lead to a setting that is no more. Otherwise whoever is
given a new key would pass as a second person."""

Issuer = Callable[[str], str | None]
"""Who issued the key of that id; None when no such key is known, "" when nobody kept it."""

_USER: Final = "user:"


def person_behind(actor: str, issuer: Issuer) -> str:
    """A user as `user:<name>`, or the installation for whoever does not lead to one."""
    passed = set[str]()
    while actor and actor not in passed:
        if actor.startswith(_USER):
            return actor
        passed.add(actor)
        actor = issuer(actor) or ""
    return INSTALLATION
