"""Keys that the registry lets in were used, too."""

import pytest

from services.registry.operations import Operations
from understudy.contracts.vocabulary import Scope

from .conftest import Registry
from .test_registry_doors import bearer, give

pytestmark = pytest.mark.anyio


async def test_a_key_that_is_let_in_was_used(registry: Registry) -> None:
    headers = bearer(give(registry.memory, Scope.READ))
    (key_id,) = registry.memory.keys
    operations: Operations = registry.api.state.operations
    for _ in range(3):
        assert (await registry.http.get("/v1/projects", headers=headers)).status_code == 200
    used = operations.followers.uses.untold()
    assert used.keys() == {key_id}
    operations.followers.keep_uses(used)
    assert registry.memory.keys[key_id].last_used_at == used[key_id]
    told = (await registry.http.get("/v1/keys")).json()["items"][0]["last_used_at"]
    assert told is not None


async def test_what_is_no_valid_key_was_not_used(registry: Registry) -> None:
    wrong = bearer("us_absent01_aaaaaaaaaaaaaaaaaaaaaaaaaaaa")
    assert (await registry.http.get("/v1/projects", headers=wrong)).status_code == 401
    operations: Operations = registry.api.state.operations
    assert not operations.followers.uses.untold()
