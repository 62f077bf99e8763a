"""A loop outlives its step's failures and waits longer after each."""

import asyncio

import pytest
import structlog

from understudy.runtime.logs import without_message
from understudy.runtime.loops import Backoff, cancel, repeat

pytestmark = pytest.mark.anyio


async def test_a_failing_step_is_tried_again_and_every_failure_is_told() -> None:
    outcomes, failures = iter([ValueError("a"), ValueError("b"), None]), list[str]()
    done = asyncio.Event()

    async def step() -> None:
        outcome = next(outcomes, None)
        if outcome is not None:
            raise outcome
        done.set()

    loop = asyncio.create_task(
        repeat(
            "test",
            step,
            backoff=Backoff(0.001, 0.002),
            on_failure=lambda error: failures.append(str(error)),
        )
    )
    await asyncio.wait_for(done.wait(), 5)
    loop.cancel()
    assert failures == ["a", "b"]


async def test_a_loop_over_callers_values_tells_where_and_never_what() -> None:
    failed = asyncio.Event()

    async def step() -> None:
        raise ValueError("the label 'bankrupt'")

    with structlog.testing.capture_logs() as lines:
        loop = asyncio.create_task(
            repeat("test", step, on_failure=lambda _: failed.set(), told=without_message)
        )
        await asyncio.wait_for(failed.wait(), 5)
        await cancel([loop])
    assert lines[0]["error_type"] == "builtins.ValueError"
    assert "bankrupt" not in repr(lines)


def test_waits_double_up_to_a_bound_and_never_vanish() -> None:
    backoff = Backoff(first_seconds=1, most_seconds=8)
    for failures, nominal in [(1, 1), (2, 2), (4, 8), (9, 8), (10_000, 8)]:
        assert nominal / 2 <= backoff.delay(failures) <= nominal


async def test_a_task_that_loses_a_cancellation_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("understudy.runtime.loops._CANCEL_SECONDS", 0.01)
    lost = list[int]()

    async def deaf_twice() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                lost.append(1)
                if len(lost) > 2:
                    raise

    task = asyncio.create_task(deaf_twice())
    await asyncio.sleep(0)
    await cancel([task])
    assert (task.cancelled(), len(lost)) == (True, 3)
