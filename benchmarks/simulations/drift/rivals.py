"""What is usual elsewhere, on the same streams: a rule asked anew of each window.

A false alarm of a window is any of 30 features (or Evidently's share of drifted columns) without
drift; a fault is found when its window alarms, whatever it names.
"""

import os
import warnings
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from scipy.stats import chi2_contingency, ks_2samp

from benchmarks.simulations.drift.ours import minute_tallies, profile
from benchmarks.simulations.drift.streams import Columns, Fault, broken, draw
from understudy.profiles.arrays import Floats
from understudy.profiles.bins import BELOW

Rule = Callable[[Columns, Columns], bool]

WINDOWS: Final = (100, 500, 1_000, 5_000)
LIMIT: Final = 0.2
FAULTS: Final = (Fault.NONE, Fault.HALF, Fault.MISSING, Fault.THOUSAND, Fault.UNSEEN)


def rivals(runs: int, seed: int, *, quick: bool = False) -> None:
    """Share of windows with an alarm, by size of window."""
    few = max(2, runs // 5)
    rules: Sequence[tuple[str, Rule, int]] = [
        ("PSI > 0.2, any feature", psi_above, runs),
        ("KS / chi-square p < 0.05, any feature", tests_below(0.05), runs),
        ("the same, Bonferroni", tests_below(0.05 / 30), runs),
        ("Evidently's defaults, any column", evidently_any, few),
        ("Evidently's defaults, dataset", evidently_most, few),
    ]
    print("\nShare of windows that alarm, each fault in 1 of 30 features, reference of 5,000")
    print("| rule | rows | " + " | ".join(FAULTS) + " |")
    print("| --- | --- |" + " --- |" * len(FAULTS))
    for name, rule, count in rules[:3] if quick else rules:
        for rows in [1_000] if quick else WINDOWS:
            shares = [_share(rule, rows, fault, count, seed) for fault in FAULTS]
            told = " | ".join(f"{share:.0%}" for share in shares)
            print(f"| {name} | {rows} | {told} |", flush=True)


def _share(rule: Rule, rows: int, fault: Fault, runs: int, seed: int) -> float:
    found = []
    for run in range(runs):
        rng = np.random.default_rng([seed, 3, run])
        reference = draw(rng, 5_000)
        found.append(rule(reference, broken(draw(rng, rows), fault, rng)))
    return float(np.mean(found))


def psi_above(reference: Columns, live: Columns) -> bool:
    """On ten bins by the reference's quantiles, empty bins smoothed, as it is usually computed."""
    profiled = profile(reference)
    tally = minute_tallies(profiled, live, len(live["number_0"]))[0]
    pieces = np.split(tally, profiled.offsets[1:-1])
    return any(
        _psi(piece[BELOW:], feature.counts[BELOW:]) > LIMIT
        for piece, feature in zip(pieces, profiled.features, strict=True)
    )


def tests_below(limit: float) -> Rule:
    """Kolmogorov-Smirnov for numbers without missing values, χ² for categories."""

    def rule(reference: Columns, live: Columns) -> bool:
        return any(_p_value(reference[name], live[name]) < limit for name in reference)

    return rule


def evidently_any(reference: Columns, live: Columns) -> bool:
    """Whether any column drifted."""
    return _evidently(reference, live)[0] > 0


def evidently_most(reference: Columns, live: Columns) -> bool:
    """Whether half of the columns did: its rule for the dataset."""
    return _evidently(reference, live)[1] >= 0.5


def _evidently(reference: Columns, live: Columns) -> tuple[float, float]:
    """Number and share of drifted columns."""
    os.environ["DO_NOT_TRACK"] = "1"
    import pandas as pd  # noqa: PLC0415 - heavy, and for one table only
    from evidently import Report  # noqa: PLC0415
    from evidently.presets import DataDriftPreset  # noqa: PLC0415

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run = Report([DataDriftPreset()]).run(pd.DataFrame(live), pd.DataFrame(reference))
        value = run.dict()["metrics"][0]["value"]
    return float(value["count"]), float(value["share"])


def _psi(live: Floats | np.ndarray, reference: np.ndarray) -> float:
    p = np.maximum(live / max(1, live.sum()), 1e-4)
    q = np.maximum(reference / reference.sum(), 1e-4)
    return float(((p - q) * np.log(p / q)).sum())


def _p_value(reference: object, live: object) -> float:
    if isinstance(reference, np.ndarray) and isinstance(live, np.ndarray):
        return float(ks_2samp(reference[~np.isnan(reference)], live[~np.isnan(live)]).pvalue)
    assert isinstance(reference, list)  # noqa: S101 - the other kind of column
    assert isinstance(live, list)  # noqa: S101
    names = sorted({*reference, *live} - {None})
    table = np.array([[column.count(name) for name in names] for column in (reference, live)])
    return float(chi2_contingency(table).pvalue)
