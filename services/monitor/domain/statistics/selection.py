"""Do rows of some scores get labels more often than others?

Formula: rows come in blocks; in a block of N rows, L of which are labelled, a band of the score has
n rows, a of them labelled. If labelling does not look at the score, a is hypergeometric, and
E[θ^a] ≤ (1 + (θ - 1)·L/N)^n for every θ > 0. The evidence is the mean over bands and a grid of θ of
Π over blocks θ^a / (1 + (θ - 1)·L/N)^n.
Source: Hoeffding, "Probability inequalities for sums of bounded random variables", 1963, section 6:
sampling without replacement is dominated by sampling with it; Ville's inequality.
Guarantee: given the rows of each block and how many of them are labelled, the chance that the
evidence ever reaches 1/α is at most α, however many blocks come and however often one looks,
whatever the share of labelled rows and however it changes from block to block.
Assumes: bands and blocks are fixed without looking at labels; every row of a block has the same
chance of a label.
"""

from typing import Final

import numpy as np

from understudy.profiles.arrays import Counts, Floats

ODDS: Final = np.array([1 / 4, 1 / 2, 1 / 1.3, 1 / 1.1, 1.1, 1.3, 2.0, 4.0])


def log_selection_evidence(answered: Counts, labelled: Counts) -> Floats:
    """By band, from (blocks, bands) counts: natural logarithms; 0 without rows.

    All bands together: the mean of their evidence, see `log_mean`.
    """
    rows = answered.sum(axis=1)
    used = rows > 0
    share = labelled[used].sum(axis=1) / rows[used]
    won = labelled[used].sum(axis=0)[:, None] * np.log(ODDS)
    fair = np.einsum("tb,to->bo", answered[used], np.log1p(np.multiply.outer(share, ODDS - 1)))
    return log_mean(won - fair)


def log_mean(logs: Floats) -> Floats:
    """Of the mean over the last axis."""
    return np.asarray(np.logaddexp.reduce(logs, axis=-1) - np.log(logs.shape[-1]))


def bands(scores: Counts, count: int) -> Counts:
    """Where to cut a histogram so that its bands hold about equally many rows: ascending places.

    Fewer bands where one place holds many.
    """
    total = np.cumsum(scores)
    wanted = total[-1] * np.arange(1, count) / count
    return np.unique(np.searchsorted(total, wanted) + 1)


def in_bands(scores: Counts, cuts: Counts) -> Counts:
    """Counts by band, along the last axis."""
    return np.asarray(np.add.reduceat(scores, [0, *cuts[cuts < scores.shape[-1]]], axis=-1))
