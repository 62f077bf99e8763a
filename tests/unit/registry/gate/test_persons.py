"""Two keys of one person are one person, and keys of nobody are nobody's second person."""

import pytest

from services.registry.domain.persons import INSTALLATION, person_behind, same_person

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


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("annkey01", "user:ann", True),
        ("annkey01", "annkey02", True),
        ("admin0001", "admin0001", True),
        # Both are the installation's, and nobody can say that one person holds them.
        ("admin0001", "service01", False),
        ("orphan01", "oldkey01", False),
        ("annkey01", "admin0001", False),
    ],
)
def test_two_actors_are_one_person_where_that_is_sure(one: str, other: str, *, same: bool) -> None:
    assert same_person(one, other, ISSUERS.get) is same
