"""A process that takes facts up, and can be stopped at a statement: `… URL KIND SEED ORDER STOP`.

At statement or commit number STOP it says so and waits for its end.
"""

import asyncio
import sys
from typing import Any

import numpy as np
from sqlalchemy import Engine, event

from services.monitor.adapters.outcome_store import SqlOutcomes
from tests.fakes.outcome_facts import Story, after_all


async def write(story: Story, url: str, order: int) -> None:
    """All entries, in an order of its own and in pieces."""
    rng = np.random.default_rng(order)
    entries = [story.entries[at] for at in rng.permutation(len(story.entries))]
    outcomes, size = SqlOutcomes(url, after_all), 1 + order % 5
    for start in range(0, len(entries), size):
        await outcomes.apply(story.incoming(entries[start : start + size]))
    outcomes.close()


def stop_at(statement: int) -> None:
    """Hang at that statement until somebody ends the process."""
    done = 0

    def count(*_: Any) -> None:
        nonlocal done
        done += 1
        if done == statement:
            sys.stdout.write("here\n")
            sys.stdout.flush()
            sys.stdin.read()

    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)


if __name__ == "__main__":
    url, kind, seed, order, stop = sys.argv[1:]
    stop_at(int(stop))
    asyncio.run(write(Story(kind, int(seed)), url, int(order)))
