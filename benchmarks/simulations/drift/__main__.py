"""False alarms and delays of the drift detector, its rivals, and what breaks it.

`python -m benchmarks.simulations.drift [--quick] [--streams 200] [--part NAME] [--seed 1]`
prints one table for each part: `false`, `delays`, `rivals`, `crowds`, `categories`. `false` goes
over streams of 100,000 rows; run it twice at once with seeds apart, the rows add.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.simulations.drift.categories import categories
from benchmarks.simulations.drift.crowds import crowds
from benchmarks.simulations.drift.ours import first_alarm, joined, plan, profile
from benchmarks.simulations.drift.rivals import rivals
from benchmarks.simulations.drift.streams import Fault, broken, draw
from services.monitor.domain.statistics.detector import AVERAGE_RUN_BLOCKS

REFERENCE_ROWS: Final = 5_000
BEFORE: Final = 5_000
"""Rows without a fault, ahead of it."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is simulated."""

    streams: int
    stream_rows: int
    runs: int
    quick: bool
    seed: int


def false_alarms(size: Size) -> None:
    """Exchangeable streams, looked at after every 100 rows."""
    print(f"\n{size.streams} streams x {size.stream_rows} rows x 30 features, no drift")
    alarms, begun = 0, time.perf_counter()
    for stream in range(size.streams):
        rng = np.random.default_rng([size.seed, 1, stream])
        found = plan(profile(draw(rng, REFERENCE_ROWS)))
        alarm = first_alarm(found, draw(rng, size.stream_rows), 100)
        if alarm is not None:
            alarms += 1
            print(f"stream {stream}: alarm after {alarm.rows} rows: {alarm.subjects}")
        if (stream + 1) % 20 == 0:
            spent = time.perf_counter() - begun
            print(f"after {stream + 1} streams: {alarms} alarms, {spent:.0f} s", flush=True)
    rows = size.streams * size.stream_rows
    print(f"alarms: {alarms} in {rows} rows ({1e6 * alarms / rows:.3f} in a million)")


def delays(size: Size) -> None:
    """Rows from the fault's beginning to the alarm, looked at after every 50 rows."""
    print(f"\nDelay in rows, {size.runs} runs, reference of {REFERENCE_ROWS}, fault after {BEFORE}")
    print("| fault in 1 of 30 features | found | median | 90 % | names the feature |")
    print("| --- | --- | --- | --- | --- |")
    asked = [Fault.HALF, Fault.UNSEEN] if size.quick else [*Fault][1:]
    for fault in asked:
        most = 60_000 if fault is Fault.RAMP else 2_000 if size.quick else 20_000
        runs = max(2, size.runs // 5) if fault in _LONG else size.runs
        found = [_delay(fault, most, np.random.default_rng([size.seed, 2, n])) for n in range(runs)]
        print(_row(fault, found), flush=True)


def _delay(fault: Fault, most: int, rng: np.random.Generator) -> tuple[float, bool]:
    found = plan(profile(draw(rng, REFERENCE_ROWS)))
    stream = joined(draw(rng, BEFORE), broken(draw(rng, most), fault, rng))
    alarm = first_alarm(found, stream, 50, skip=BEFORE // 50 - 2)
    broke = "category_2" if fault is Fault.UNSEEN else "number_0"
    if alarm is None:
        return float("inf"), False
    return alarm.rows - BEFORE, set(alarm.subjects) <= {broke}


def _row(fault: Fault, found: Sequence[tuple[float, bool]]) -> str:
    waits = sorted(wait for wait, _ in found)
    seen = sum(np.isfinite(waits))
    named = sum(name for _, name in found)
    late = waits[int(0.9 * (len(waits) - 1))]
    return (
        f"| {fault} | {seen}/{len(waits)} | {statistics.median(waits):.0f} "
        f"| {late:.0f} | {named}/{seen} |"
    )


_LONG: Final = {Fault.QUARTER, Fault.TENTH, Fault.RAMP}
_PARTS: Final[dict[str, Callable[[Size], None]]] = {
    "false": false_alarms,
    "delays": delays,
    "rivals": lambda size: rivals(size.runs, size.seed, quick=size.quick),
    "crowds": lambda size: crowds(size.runs, size.seed, quick=size.quick),
    "categories": lambda size: categories(size.runs, size.seed, quick=size.quick),
}


def main() -> None:
    """All parts, or one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=sorted(_PARTS))
    asked = parser.parse_args()
    size = Size(asked.streams, 100_000, asked.runs, asked.quick, asked.seed)
    if asked.quick:
        size = Size(2, 10_000, 3, quick=True, seed=asked.seed)
    print(f"average run length {AVERAGE_RUN_BLOCKS} blocks, seed {size.seed}")
    for name in [asked.part] if asked.part else _PARTS:
        _PARTS[name](size)


if __name__ == "__main__":
    main()
