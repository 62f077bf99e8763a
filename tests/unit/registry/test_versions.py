"""A review ends once; only what was kept can be released; a stand-in must fit."""

from dataclasses import replace

import pytest

from services.registry.domain.errors import (
    AlreadyDecidedError,
    SignatureMismatchError,
    VersionNotUsableError,
)
from services.registry.domain.versions import Version, decide, require_fit, require_usable
from tests.fakes.registry import NOON, SIGNATURE, draft
from understudy.contracts.vocabulary import Decision, VersionState

PENDING = Version(1, draft())


def decided(decision: Decision) -> Version:
    return decide(PENDING, decision, by="ann", at=NOON, reason="why not")


@pytest.mark.parametrize(
    ("decision", "state"),
    [
        (Decision.DEPLOY, VersionState.DEPLOYED),
        (Decision.PERSIST, VersionState.PERSISTED),
        (Decision.IGNORE, VersionState.IGNORED),
    ],
)
def test_a_decision_ends_the_review(decision: Decision, state: VersionState) -> None:
    assert PENDING.state is VersionState.PENDING
    version = decided(decision)
    assert version.state is state
    assert version.ruling is not None
    assert version.ruling.decided_by == "ann"


@pytest.mark.parametrize("first", Decision)
@pytest.mark.parametrize("second", Decision)
def test_an_ended_review_stays_ended(first: Decision, second: Decision) -> None:
    with pytest.raises(AlreadyDecidedError, match="final"):
        decide(decided(first), second, by="bob", at=NOON, reason="")


def test_only_deployed_and_persisted_versions_are_released() -> None:
    require_usable(decided(Decision.DEPLOY), "/main")
    require_usable(decided(Decision.PERSIST), "/main")
    with pytest.raises(VersionNotUsableError, match="is pending: decide its review first"):
        require_usable(PENDING, "/main")
    with pytest.raises(VersionNotUsableError, match="is ignored") as refused:
        require_usable(decided(Decision.IGNORE), "/version")
    assert refused.value.errors[0].pointer == "/version"


def test_a_version_that_refuses_what_callers_send_does_not_fit() -> None:
    narrow = replace(SIGNATURE, features=(replace(SIGNATURE.features[0], maximum=65),))
    require_fit(SIGNATURE, PENDING, "/version")
    require_fit(narrow, PENDING, "/version")
    with pytest.raises(SignatureMismatchError, match="age: maximum 65 is narrower"):
        require_fit(SIGNATURE, Version(2, draft(signature=narrow)), "/version")
