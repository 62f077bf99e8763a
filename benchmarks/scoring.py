"""Does scoring together pay? One call for each request against one call for what is there at once.

The examples' models, in one process, no network, no log: alternating rounds of both, requests of a
single row, 1, 8 and 32 callers at a time. Prints requests per second and their ratio.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Final

from examples.credit.train import EXAMPLE as CREDIT
from examples.iris import EXAMPLE as IRIS
from services.serving.domain.rows import Plan
from services.serving.domain.scoring import Cost, Loaded
from services.serving.domain.warming import probe_rows
from services.serving.operations.scoring import Limits, Scorer
from understudy.contracts.signature import Signature
from understudy.inference.estimators import SklearnRunner
from understudy.inference.rows import Rows

ROUNDS: Final = 5
ROUND_SECONDS: Final = 0.5
LIMITS: Final = Limits(rows=1_000, inline_seconds=0.002, threads=2, queue=1_000)

Ask = Callable[[Rows], Awaitable[object]]


def load(model: object, signature: Signature) -> Loaded:
    """As serving has it, with the cost of a call measured."""
    probe = probe_rows(signature, 64)
    runner = SklearnRunner(model, signature, probe)
    one = probe.part(0, 1)
    began = time.perf_counter()
    for _ in range(20):
        runner.score(one)
    cost = Cost((time.perf_counter() - began) / 20, 0.0)
    return Loaded(1, signature, Plan(signature), runner, cost)


async def rate(ask: Ask, rows: Rows, callers: int) -> float:
    """Requests per second of so many callers, each asking again when it is answered."""
    answered, end = 0, time.perf_counter() + ROUND_SECONDS

    async def call() -> None:
        nonlocal answered
        while time.perf_counter() < end:
            await ask(rows)
            answered += 1

    began = time.perf_counter()
    await asyncio.gather(*(call() for _ in range(callers)))
    return answered / (time.perf_counter() - began)


async def compare(loaded: Loaded, callers: int) -> tuple[float, float]:
    """Medians of alternating rounds: each by itself, together."""
    rows = probe_rows(loaded.signature, 1)
    scorer = Scorer(LIMITS)

    async def alone(rows: Rows) -> object:
        await asyncio.sleep(0)
        return loaded.runner.score(rows)

    async def together(rows: Rows) -> object:
        return await scorer.score(loaded, rows)

    rounds = [
        (await rate(alone, rows, callers), await rate(together, rows, callers))
        for _ in range(ROUNDS)
    ]
    return statistics.median(a for a, _ in rounds), statistics.median(b for _, b in rounds)


def main() -> None:
    """Print the table."""
    print(f"{'model':44} {'callers':>7} {'alone/s':>9} {'together/s':>10} {'ratio':>6}")
    for example in (IRIS, CREDIT):
        for recipe in example.recipes:
            candidate = recipe.train()
            loaded = load(candidate.model, candidate.signature)
            for callers in (1, 8, 32):
                alone, together = asyncio.run(compare(loaded, callers))
                name, ratio = f"{example.name}: {recipe.description}"[:44], together / alone
                print(f"{name:44} {callers:7} {alone:9.0f} {together:10.0f} {ratio:6.2f}")


if __name__ == "__main__":
    main()
