"""Two keys of one person are one person, and keys of nobody are nobody's second person."""

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
        ("oldkey01", INSTALLATION),
        ("orphan01", INSTALLATION),
        ("unknown1", INSTALLATION),
        ("circle01", INSTALLATION),
    ],
)
def test_the_person_behind_an_actor(actor: str, person: str) -> None:
    assert person_behind(actor, ISSUERS.get) == person
