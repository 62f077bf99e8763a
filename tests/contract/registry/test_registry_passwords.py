"""Argon2id and the fake check passwords alike."""

import pytest
from argon2 import Parameters
from argon2.low_level import Type
from argon2.profiles import RFC_9106_LOW_MEMORY

from services.registry.adapters.passwords import ArgonPasswords
from services.registry.domain.people_refusals import HashingBusyError
from services.registry.ports.people import Passwords
from tests.fakes.people import PlainPasswords

QUICK = Parameters(
    type=Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=64, parallelism=1
)


@pytest.fixture(params=["argon", "plain"])
def passwords(request: pytest.FixtureRequest) -> Passwords:
    return ArgonPasswords(2, QUICK) if request.param == "argon" else PlainPasswords(2)


def test_a_hash_is_of_one_password(passwords: Passwords) -> None:
    with passwords.turn() as hashing:
        kept = hashing.hash("six blue cups")
        assert hashing.matches(kept, "six blue cups")
        assert not hashing.matches(kept, "six blue cup")
        assert not hashing.matches(None, "six blue cups")
        assert not hashing.matches("nonsense", "six blue cups")
        assert not hashing.outdated(kept)


def test_only_so_many_turns_at_once(passwords: Passwords) -> None:
    with passwords.turn(), passwords.turn():
        with pytest.raises(HashingBusyError) as caught, passwords.turn():
            pass
        assert caught.value.retry_after
    with passwords.turn():
        pass


def test_older_parameters_are_outdated() -> None:
    with ArgonPasswords(1, QUICK).turn() as hashing:
        kept = hashing.hash("six blue cups")
    now = ArgonPasswords(1)
    assert now.matches(kept, "six blue cups")
    assert now.outdated(kept)


def test_the_parameters_are_those_of_the_rfc() -> None:
    assert RFC_9106_LOW_MEMORY.type is Type.ID
    assert (RFC_9106_LOW_MEMORY.memory_cost, RFC_9106_LOW_MEMORY.time_cost) == (65_536, 3)
    kept = ArgonPasswords(1).hash("six blue cups")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
