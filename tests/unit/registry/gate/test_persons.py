"""Two keys of one person are one person."""

import pytest

from services.registry.domain.persons import INSTALLATION, person_behind

ISSUERS = {
    "annkey01": "user:ann",
    "annkey02": "annkey01",
    "adminkey": "admin0001",
    "oldkey01": "",
    "orphan01": "gone00001",
    "circle01": "circle02",
    "circle02": "circle01",
}


@pytest.mark.parametrize(
    ("actor", "person"),
    [
        ("user:ann", "user:ann"),
        ("annkey01", "user:ann"),
        ("annkey02", "user:ann"),
        ("admin0001", INSTALLATION),
        ("service01", INSTALLATION),
        ("adminkey", INSTALLATION),
        ("system", INSTALLATION),
        ("oldkey01", "oldkey01"),
        ("orphan01", "gone00001"),
        ("unknown1", "unknown1"),
        ("circle01", "circle01"),
    ],
)
def test_the_person_behind_an_actor(actor: str, person: str) -> None:
    keys = frozenset({"admin0001", "service01"})
    assert person_behind(actor, keys, ISSUERS.get) == person
