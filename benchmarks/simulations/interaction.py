"""Interaction drift: false alarms, delays, what other changes do to it, and what it costs.

`python -m benchmarks.simulations.interaction [--quick]`. Rows have 30
features: 20 normal numbers (of which two go together already), 5 lognormal or mostly zero ones, 5
categories of which one goes with a number. A window is 1,000 rows.
"""

import argparse
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.monitor.domain.statistics.association import Comparison
from services.monitor.domain.statistics.coding import Table, feature_coding, table_of
from services.monitor.domain.statistics.interaction import (
    CAUTION,
    LOG_THRESHOLD,
    Caution,
    Wealth,
    Yardstick,
    look,
    yardstick,
)
from understudy.profiles.arrays import Floats
from understudy.profiles.columns import Column

ROWS: Final = 1_000
NAIVE: Final = Caution(risk=float("inf"), tolerance=0.0)
"""The reference taken for exact."""

Columns = dict[str, Column]
Change = Callable[[Columns, np.random.Generator], Columns]


def draw(rng: np.random.Generator, rows: int) -> Columns:
    """Rows as the reference has them."""
    normal = rng.standard_normal((20, rows))
    normal[3] = 0.7 * normal[2] + np.sqrt(1 - 0.49) * normal[3]
    found: Columns = {f"number_{at}": values for at, values in enumerate(normal)}
    for at in range(3):
        found[f"amount_{at}"] = np.exp(rng.standard_normal(rows))
    for at in range(2):
        found[f"sparse_{at}"] = np.where(rng.random(rows) < 0.6, 0.0, rng.exponential(size=rows))
    for at in range(5):
        found[f"category_{at}"] = rng.choice([*"abcdefgh"], rows).tolist()
    found["category_0"] = np.where(
        normal[4] + rng.standard_normal(rows) > 0, "high", "low"
    ).tolist()
    return found


def correlated(strength: float) -> Change:
    """Numbers 0 and 1 begin to go together; each stays a standard normal."""

    def change(columns: Columns, _: np.random.Generator) -> Columns:
        first, second = _numbers(columns, "number_0"), _numbers(columns, "number_1")
        mixed = strength * first + np.sqrt(1 - strength**2) * second
        return {**columns, "number_1": mixed}

    return change


def parted(columns: Columns, rng: np.random.Generator) -> Columns:
    """Numbers 2 and 3 go together no more."""
    return {**columns, "number_3": rng.permutation(_numbers(columns, "number_3"))}


def folded(columns: Columns, rng: np.random.Generator) -> Columns:
    """|number_1| goes with |number_0|: no correlation at all."""
    first, second = _numbers(columns, "number_0"), np.abs(_numbers(columns, "number_1"))
    ranked = np.empty_like(second)
    ranked[np.argsort(np.abs(first))] = np.sort(second)
    noisy = np.where(rng.random(first.size) < 0.7, ranked, second)
    return {**columns, "number_1": noisy * rng.choice([-1.0, 1.0], first.size)}


def matched(columns: Columns, rng: np.random.Generator) -> Columns:
    """Categories 1 and 2 are the same in 40 % of rows; shares stay."""
    first, second = columns["category_1"], columns["category_2"]
    same = rng.random(len(first)) < 0.4
    return {
        **columns,
        "category_2": [
            one if alike else other for alike, one, other in zip(same, first, second, strict=True)
        ],
    }


def triple(columns: Columns, _: np.random.Generator) -> Columns:
    """The signs of three numbers multiply to +1; each two of them are independent."""
    sign = np.sign(_numbers(columns, "number_0") * _numbers(columns, "number_1"))
    return {**columns, "number_5": sign * np.abs(_numbers(columns, "number_5"))}


def shifted(columns: Columns, _: np.random.Generator) -> Columns:
    """All numbers by one standard deviation, one that goes with another by three."""
    moved = {name: held + 1.0 for name, held in columns.items() if isinstance(held, np.ndarray)}
    return {**columns, **moved, "number_3": _numbers(columns, "number_3") * 2.0 + 3.0}


def outliers(columns: Columns, rng: np.random.Generator) -> Columns:
    """5 % of one feature by a thousand, 30 % of another missing."""
    first, second = _numbers(columns, "number_3").copy(), _numbers(columns, "number_2").copy()
    first[rng.random(first.size) < 0.05] *= 1_000.0
    second[rng.random(second.size) < 0.30] = np.nan
    return {**columns, "number_3": first, "number_2": second}


def reweighted(columns: Columns, rng: np.random.Generator) -> Columns:
    """The share of a category that goes with a number grows from 50 % to 80 %."""
    high = np.array(columns["category_0"]) == "high"
    wanted = np.where(high, 0.8, 0.2)
    rows = rng.choice(high.size, high.size, p=wanted / wanted.sum())
    return {
        name: held[rows] if isinstance(held, np.ndarray) else [held[row] for row in rows]
        for name, held in columns.items()
    }


def clustered(columns: Columns, rng: np.random.Generator) -> Columns:
    """Each row ten times, as from 100 customers."""
    rows = np.repeat(rng.choice(ROWS, ROWS // 10, replace=False), 10)
    return {
        name: held[rows] if isinstance(held, np.ndarray) else [held[row] for row in rows]
        for name, held in columns.items()
    }


def first_of_each(columns: Columns, rng: np.random.Generator) -> Columns:
    """The same with one row per entity: 100 rows of a window are left."""
    return {name: held[::10] for name, held in clustered(columns, rng).items()}


@dataclass(frozen=True, slots=True)
class Ending:
    """Of one stream."""

    alarm_at: int | None
    """Windows after the change."""
    most: float
    """Largest logarithm of evidence."""
    pairs: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Stream:
    """What one run is made of."""

    windows: int
    reference: int
    change: Change | None = None
    changes_at: int = 0
    caution: Caution = CAUTION


def run(stream: Stream, seed: int) -> Ending:
    """Until the first alarm after the change, or any before it."""
    rng = np.random.default_rng(seed)
    measure = measure_of(draw(rng, stream.reference))
    wealth, history, most = Wealth(), list[Comparison](), 0.0
    for at in range(stream.windows):
        columns = draw(rng, ROWS)
        if stream.change is not None and at >= stream.changes_at:
            columns = stream.change(columns, rng)
        window = window_of(measure, columns)
        seen = look(measure, history, wealth, window, taught_at=at, caution=stream.caution)
        wealth, history = seen.wealth, [*history, seen.taught][-4:]
        most = max(most, wealth.log_evidence)
        if most >= LOG_THRESHOLD:
            names = [coding.name for coding in measure.codings]
            pairs = tuple((names[pair.first], names[pair.second]) for pair in seen.pairs)
            return Ending(at + 1 - stream.changes_at, most, pairs)
    return Ending(None, most, ())


def measure_of(columns: Columns) -> Yardstick:
    """A reference made ready."""
    found = (feature_coding(name, column) for name, column in columns.items())
    codings = [coding for coding in found if coding is not None]
    return yardstick(codings, table_of(codings, columns, _rows(columns)))


def window_of(measure: Yardstick, columns: Columns) -> Table:
    """A window made ready."""
    return table_of(measure.codings, columns, _rows(columns))


def table_of_quiet(title: str, runs: int, streams: dict[str, Stream]) -> None:
    """Alarms and the largest evidence of streams that should not alarm."""
    print(f"\n{title}\n{'':36}{'runs':>6}{'windows':>9}{'alarms':>8}{'median':>8}{'largest':>9}")
    for number, (name, stream) in enumerate(streams.items()):
        ends = [run(stream, 1_000 * number + seed) for seed in range(runs)]
        alarms = sum(end.alarm_at is not None for end in ends)
        most = [end.most for end in ends]
        figures = f"{statistics.median(most):8.2f}{max(most):9.2f}"
        print(f"{name:36}{runs:6}{stream.windows:9}{alarms:8}{figures}", flush=True)


def table_of_delays(runs: int, streams: dict[str, Stream]) -> None:
    """Windows from the change to the alarm."""
    print(f"\ndelay\n{'':36}{'found':>8}{'early':>7}{'median':>8}{'worst':>7}   right pair first")
    for number, (name, stream) in enumerate(streams.items()):
        ends = [run(stream, 50_000 + 1_000 * number + seed) for seed in range(runs)]
        delays = [end.alarm_at for end in ends if end.alarm_at is not None]
        late = [delay for delay in delays if delay > 0]
        middle = (
            f"{statistics.median(late) * ROWS:8.0f}{max(late) * ROWS:7}"
            if late
            else "       –      –"
        )
        first = {end.pairs[0] for end in ends if end.pairs}
        told = "; ".join(" × ".join(pair) for pair in sorted(first))
        found = f"{len(late)}/{runs}"
        print(f"{name:36}{found:>8}{len(delays) - len(late):7}{middle}   {told}", flush=True)


def table_of_costs() -> None:
    """CPU time of a look, and the most that Python and numpy hold more during it."""
    print(f"\ncost of one window of {ROWS} rows\n{'features':>9}{'median ms':>11}{'most MB':>9}")
    for features in (10, 30, 50, 100):
        rng = np.random.default_rng(features)

        def columns(rows: int, wide: int = features, rng: np.random.Generator = rng) -> Columns:
            return {f"f{at}": values for at, values in enumerate(rng.standard_normal((wide, rows)))}

        measure, times = measure_of(columns(10_000)), []
        change, history = correlated_first(0.8), list[Comparison]()
        tracemalloc.start()
        for at in range(20):
            window = window_of(measure, change(columns(ROWS)))
            before = time.process_time()
            seen = look(measure, history, Wealth(), window, taught_at=at)
            times.append(time.process_time() - before)
            history = [*history, seen.taught][-4:]
        held = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        print(f"{features:9}{statistics.median(times) * 1e3:11.1f}{held:9.1f}", flush=True)


def correlated_first(strength: float) -> Callable[[Columns], Columns]:
    """As `correlated`, of the first two features."""

    def change(columns: Columns) -> Columns:
        first, second = _numbers(columns, "f0"), _numbers(columns, "f1")
        return {**columns, "f1": strength * first + np.sqrt(1 - strength**2) * second}

    return change


def quiet_streams(windows: int) -> dict[str, Stream]:
    """Nothing changes."""
    sizes = {f"reference {rows}": Stream(windows, rows) for rows in (2_000, 5_000, 20_000)}
    naive = {"reference 5000, taken for exact": Stream(windows, 5_000, caution=NAIVE)}
    return {**sizes, **naive}


def other_streams(windows: int) -> dict[str, Stream]:
    """What is no interaction, or no exchangeable traffic."""
    changes: dict[str, Change] = {
        "all numbers by 1 sd, one by 3": shifted,
        "x1000 in 5 %, 30 % missing": outliers,
        "category 50 -> 80 %": reweighted,
        "each row ten times": clustered,
        "each row ten times, by entity": first_of_each,
    }
    return {name: Stream(windows, 5_000, change, 5) for name, change in changes.items()}


def changed_streams(*, quiet: int) -> dict[str, Stream]:
    """Interactions; `quiet` windows come before the long-quiet one."""
    end = 5 + 30
    sizes = {
        f"correlation 0 -> {strength}, reference {rows}": Stream(end, rows, correlated(strength), 5)
        for strength in (0.8, 0.5, 0.3)
        for rows in (2_000, 5_000, 20_000)
    }
    others: dict[str, Change] = {
        "correlation 0.7 -> 0": parted,
        "|a| with |b|, no correlation": folded,
        "two categories alike in 40 %": matched,
        "three signs, pairs independent": triple,
    }
    found = {name: Stream(end, 5_000, change, 5) for name, change in others.items()}
    late = Stream(quiet + 30, 5_000, correlated(0.8), quiet)
    return {**sizes, **found, f"0 -> 0.8 after {quiet} quiet windows": late}


def main(arguments: Sequence[str]) -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few and short runs")
    quick = parser.parse_args(arguments).quick
    print(f"threshold {LOG_THRESHOLD:.2f}, risk {CAUTION.risk}, tolerance {CAUTION.tolerance}")
    table_of_quiet("nothing changes", 2 if quick else 30, quiet_streams(10 if quick else 100))
    if not quick:
        long = {f"reference {rows}": Stream(1_000, rows) for rows in (2_000, 5_000)}
        table_of_quiet("nothing changes, a million rows", 4, long)
    table_of_quiet("other changes", 1 if quick else 20, other_streams(12 if quick else 60))
    table_of_delays(1 if quick else 20, changed_streams(quiet=20 if quick else 200))
    table_of_costs()


def _numbers(columns: Columns, name: str) -> Floats:
    column = columns[name]
    if not isinstance(column, np.ndarray):
        raise TypeError(name)
    return column


def _rows(columns: Columns) -> int:
    return len(next(iter(columns.values())))


if __name__ == "__main__":
    main(sys.argv[1:])
