"""How often burn-rate alerts come without a reason, and how soon with one.

`python -m benchmarks.simulations.burn_rates [--quick]`. Requests come as a Poisson process and fail
independently; each alert of deploy/prometheus/rules/budgets.yml is asked every minute. Without a
fault for 30 days, beginning with nothing; with one that begins after ten days at half of the
objective's errors.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from benchmarks.simulations.verdict.tables import Table, share
from understudy.profiles.arrays import Counts, Floats

SEED: Final = 11
OBJECTIVE: Final = 0.001
RATES: Final = (0.1, 1.0, 10.0, 100.0)
"""Requests per second."""
EVENTS: Final = 10
_DAY: Final = 1_440
"""Minutes."""

Flags = NDArray[np.bool_]
"""One for each minute."""

Rule = Callable[["Minutes"], Flags]
"""Whether it fires at each minute."""


@dataclass(frozen=True, slots=True)
class Minutes:
    """Sums from the beginning to each minute, of requests and of failed ones."""

    requests: Counts
    failed: Counts

    def within(self, minutes: int) -> tuple[Counts, Counts]:
        """Of a window that ends at each minute; shorter where there is no more yet."""
        return _window(self.requests, minutes), _window(self.failed, minutes)


def fast(seen: Minutes) -> Flags:
    """What ships: 14.4 times over 1 h and 5 m, or 6 times over 6 h and 30 m, of ten at least."""
    return _pair(seen, 60, 5, 14.4, EVENTS) | _pair(seen, 360, 30, 6.0, EVENTS)


def fast_of_any(seen: Minutes) -> Flags:
    """The same without a minimum."""
    return _pair(seen, 60, 5, 14.4, 1) | _pair(seen, 360, 30, 6.0, 1)


def fast_of_many_requests(seen: Minutes) -> Flags:
    """The same with a minimum of 1,000 requests in the long window instead."""
    enough = [seen.within(minutes)[0] >= 1_000 for minutes in (60, 360)]
    one = _pair(seen, 60, 5, 14.4, 1) & enough[0]
    return one | (_pair(seen, 360, 30, 6.0, 1) & enough[1])


def slow(seen: Minutes) -> Flags:
    """What ships: above the objective over 3 d by three standard errors, and over 6 h."""
    requests, failed = seen.within(3 * _DAY)
    expected = OBJECTIVE * requests
    beyond: Flags = (failed > expected + 3 * np.sqrt(expected)) & (failed >= EVENTS)
    return beyond & _above(seen, 360, 1.0)


def slow_of_any(seen: Minutes) -> Flags:
    """The same without standard errors or a minimum."""
    return _above(seen, 3 * _DAY, 1.0) & _above(seen, 360, 1.0)


RULES: Final[dict[str, Rule]] = {
    "fast": fast,
    "fast, no minimum": fast_of_any,
    "fast, 1,000 requests": fast_of_many_requests,
    "slow": slow,
    "slow, no standard errors": slow_of_any,
}


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    runs = 20 if parser.parse_args().quick else 400
    print(f"seed {SEED}, {runs:,} runs, objective {OBJECTIVE:.1%} of errors\n")
    children = iter(np.random.SeedSequence(SEED).spawn(100))
    rows = [
        (f"{times} ×, {rate:g}/s", *_alarmed(runs, rate, times, np.random.default_rng(child)))
        for times in (0.5, 1.0)
        for rate, child in zip(RATES, children, strict=False)
    ]
    print(Table("30 days without a fault: runs that alarmed", ("errors", *RULES), rows))
    rows = [
        (f"{name}, {rate:g}/s", *_found(runs, rate, errors, np.random.default_rng(child)))
        for name, errors in (("2 ×", 0.002), ("10 ×", 0.01), ("100 % errors", 1.0))
        for rate, child in zip(RATES, children, strict=False)
    ]
    title = "A fault of three days: runs that found it, median minutes"
    print(Table(title, ("fault", *RULES), rows))


def _alarmed(runs: int, rate: float, times: float, rng: Generator) -> list[str]:
    errors = np.full(30 * _DAY, times * OBJECTIVE)
    firsts = [_first(_drawn(rate, errors, rng), 0) for _ in range(runs)]
    return [share(found) for found in np.array(firsts).T]


def _found(runs: int, rate: float, errors: float, rng: Generator) -> list[str]:
    before = np.full(10 * _DAY, 0.5 * OBJECTIVE)
    course = np.concatenate([before, np.full(3 * _DAY, errors)])
    firsts = [_first(_drawn(rate, course, rng), before.size) for _ in range(runs)]
    return [_told(found) for found in np.array(firsts).T]


def _first(seen: Minutes, since: int) -> Floats:
    """Minutes until each rule fires; infinite where it does not."""
    fires = [rule(seen)[since:] for rule in RULES.values()]
    return np.array([1.0 + found.argmax() if found.any() else np.inf for found in fires])


def _told(found: Floats) -> str:
    times = found[np.isfinite(found)]
    middle = f", {np.median(times):,.0f}" if times.size else ""
    return f"{share(found)}{middle}"


def _drawn(rate: float, errors: Floats, rng: Generator) -> Minutes:
    requests = rng.poisson(60 * rate, errors.size)
    failed = rng.binomial(requests, errors)
    return Minutes(requests.cumsum(), failed.cumsum())


def _pair(seen: Minutes, long: int, short: int, times: float, events: int) -> Flags:
    enough = seen.within(long)[1] >= events
    return _above(seen, long, times) & _above(seen, short, times) & enough


def _above(seen: Minutes, minutes: int, times: float) -> Flags:
    requests, failed = seen.within(minutes)
    above: Flags = failed > times * OBJECTIVE * requests
    return above


def _window(sums: Counts, minutes: int) -> Counts:
    earlier = np.concatenate([np.zeros(min(minutes, sums.size), sums.dtype), sums[:-minutes]])
    found: Counts = sums - earlier[: sums.size]
    return found


if __name__ == "__main__":
    main()
