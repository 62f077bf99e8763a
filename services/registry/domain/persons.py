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


def same_person(one: str, other: str, issuer: Issuer) -> bool:
    """Whether both are surely one person: the same actor, or led to the same user.

    Not so for two of whom nobody can say who they are.
    """
    person = person_behind(one, issuer)
    known = person != INSTALLATION and person == person_behind(other, issuer)
    return one == other or known


def person_behind(actor: str, issuer: Issuer) -> str:
    """A user as `user:<name>`, or the installation for whoever does not lead to one."""
    passed = set[str]()
    while actor and actor not in passed:
        if actor.startswith(_USER):
            return actor
        passed.add(actor)
        actor = issuer(actor) or ""
    return INSTALLATION
