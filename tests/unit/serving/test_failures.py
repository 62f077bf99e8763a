"""A release that fails is told of once, and tried less and less often."""

from services.serving.operations.failures import Failures
from tests.fakes.serving import deployment, ruled
from understudy.runtime.loops import Backoff


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_same_attempt_waits_longer_each_time() -> None:
    clock = Clock()
    failures, wanted = Failures(Backoff(1.0, 100.0), clock), deployment([ruled(1)])
    for tries in range(1, 6):
        assert failures.due(wanted, ())
        failures.note(wanted, (), "broken")
        assert not failures.due(wanted, ())
        clock.now += 2.0 ** (tries - 1)


def test_another_release_or_another_trust_list_is_tried_at_once() -> None:
    failures, wanted = Failures(clock=Clock()), deployment([ruled(1)])
    failures.note(wanted, (), "broken")
    assert failures.due(wanted.model_copy(update={"release": 2}), ())
    assert failures.due(wanted, ("numpy.median",))
    failures.forget(wanted.name)
    assert failures.due(wanted, ())


def test_only_news_is_worth_a_line() -> None:
    failures, wanted = Failures(clock=Clock()), deployment([ruled(1)])
    assert [failures.note(wanted, (), why) for why in ("a", "a", "b", "b")] == [
        True,
        False,
        True,
        False,
    ]


def test_deployments_that_are_gone_are_forgotten() -> None:
    failures, wanted = Failures(clock=Clock()), deployment([ruled(1)])
    failures.note(wanted, (), "broken")
    failures.keep([])
    assert failures.note(wanted, (), "broken")
