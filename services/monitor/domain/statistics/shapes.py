"""Evidence that counts in bins come from none of the distributions that a reference allows.

Formula: E = (mixture of likelihoods of the counts)/(sup of their likelihood over the null), where
the null is every distribution in the reference's widened confidence ball (see `ball`). The mixture
is half Dirichlet-multinomials around the reference (concentrations 20 and 300: any other shape),
half exponential tilts of it along normal scores and their squares (a number's place and spread).
Source: Wasserman, Ramdas & Balakrishnan, "Universal inference", 2020.
Guarantee: E of growing counts is an e-process for every distribution of the null: at any stopping
time its mean is at most 1. Counts alone matter, so it is order-free and merges.
Assumes: rows are exchangeable. Counts divided by a design effect make it a working likelihood,
calibrated to the variance, without an exact guarantee.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln
from scipy.stats import norm

from services.monitor.domain.arrays import Floats
from services.monitor.domain.statistics.ball import log_likelihood_bound, radius
from services.monitor.domain.statistics.segments import Segments, segments

CONCENTRATIONS: Final = (20.0, 300.0)
TILTS: Final = np.array([0.15, 0.3, 0.6, 1.2])
WORTH_A_LOOK: Final = 2.0
"""Evidence that can't be above e² counts as none: it can only make sums smaller."""


@dataclass(frozen=True, slots=True, eq=False)
class ShapeTest:
    """Tables side by side, for each of several strata (first axis) of the reference."""

    tables: Segments
    shares: Floats
    """r: (strata, columns)."""
    smooth: Floats
    """r with half a row more in each bin, so that no bin is impossible."""
    radii: Floats
    """(strata, tables)."""
    scores: Floats
    """Normal scores, and half their squares less one: (2, strata, columns)."""
    norms: Floats
    """Logarithms of what tilted shares sum to: (2·2·tilts, strata, tables)."""
    log_smooth: Floats
    log_priors: Floats
    """Sums of ln Γ of the Dirichlets' parameters: (concentrations, strata, tables)."""

    def log_evidence(self, counts: Floats, strata: NDArray[np.intp]) -> Floats:
        """Shape (pairs, columns), each pair of the stratum named → (pairs, tables)."""
        base = self.log_smooth[strata]
        above = self._log_mixture(counts, strata, base)
        shares = self.shares[strata]
        with np.errstate(divide="ignore", invalid="ignore"):
            plain = np.where(counts > 0, counts * (np.log(shares) - base), 0.0)
        hot = above - self.tables.sums(plain) > WORTH_A_LOOK
        found = np.full(hot.shape, -np.inf)
        if hot.any():
            found[hot] = above[hot] - self._bound(counts, shares, base, strata, hot)
        return found

    def _log_mixture(self, counts: Floats, strata: NDArray[np.intp], base: Floats) -> Floats:
        """Of the alternatives, against the smoothed reference."""
        rows = self.tables.sums(counts)
        below = self.tables.sums(counts * base)
        spread = [
            self._log_dirichlet(counts, rows, strata, number) - below
            for number in range(len(CONCENTRATIONS))
        ]
        tilted = self._log_tilted(counts, rows, strata)
        both = _log_mean(np.stack(spread)), _log_mean(tilted)
        return _log_mean(np.stack(both))

    def _log_dirichlet(
        self, counts: Floats, rows: Floats, strata: NDArray[np.intp], number: int
    ) -> Floats:
        prior, known = CONCENTRATIONS[number], self.log_priors[number][strata]
        grown = self.tables.sums(gammaln(prior * self.smooth[strata] + counts))
        return np.asarray(gammaln(prior) - gammaln(prior + rows) + grown - known)

    def _log_tilted(self, counts: Floats, rows: Floats, strata: NDArray[np.intp]) -> Floats:
        """Sums of scores suffice: ln of a tilted likelihood is ±t·Σ c·score - n·norm."""
        sums = np.stack([self.tables.sums(counts * scores[strata]) for scores in self.scores])
        signed = np.concatenate([sums, -sums])
        strength = np.multiply.outer(TILTS, signed).swapaxes(0, 1).reshape(-1, *rows.shape)
        return np.asarray(strength - rows * self.norms[:, strata])

    def _bound(
        self,
        counts: Floats,
        shares: Floats,
        base: Floats,
        strata: NDArray[np.intp],
        hot: NDArray[np.bool_],
    ) -> Floats:
        """The null's largest likelihood of the tables named hot, against the smoothed reference."""
        columns = np.repeat(hot, self.tables.widths, axis=1)
        picked, some = counts[columns], segments(self.tables.widths[np.nonzero(hot)[1]])
        bound = log_likelihood_bound(picked, shares[columns], self.radii[strata][hot], some)
        return np.asarray(bound - some.sums(picked * base[columns]))


def shape_test(
    counts: Floats, tables: Segments, effects: Floats, tolerance: float, chance: float
) -> ShapeTest:
    """From the reference's counts (strata, columns) and design effects (tables).

    `chance` is that of the reference being misleading, for each table of each stratum.
    """
    rows = tables.sums(counts)
    shares = counts / tables.spread(np.maximum(rows, 1.0))
    smooth = (counts + 0.5) / tables.spread(rows + 0.5 * tables.widths)
    used = tables.sums((counts > 0).astype(np.float64))
    scores = _scores(smooth, tables)
    return ShapeTest(
        tables=tables,
        shares=shares,
        smooth=smooth,
        radii=radius(rows / effects, used, tolerance, chance),
        scores=scores,
        norms=_norms(smooth, scores, tables),
        log_smooth=np.log(smooth),
        log_priors=np.stack([tables.sums(gammaln(k * smooth)) for k in CONCENTRATIONS]),
    )


def _scores(smooth: Floats, tables: Segments) -> Floats:
    """Standardised: mean 0 and variance 1 under the smoothed reference."""
    running = np.cumsum(smooth, axis=-1)
    before = tables.spread(running[:, tables.begins] - smooth[:, tables.begins])
    place = norm.ppf(np.clip(running - before - smooth / 2, 1e-4, 1 - 1e-4))
    place = place - tables.spread(tables.sums(smooth * place))
    place = place / (np.sqrt(tables.spread(tables.sums(smooth * place**2))) + 1e-9)
    return np.stack([place, (place**2 - 1.0) / 2.0])


def _norms(smooth: Floats, scores: Floats, tables: Segments) -> Floats:
    """In the order of `_log_tilted`: up and down by place and spread, each with all tilts."""
    directions = [scores[0], scores[1], -scores[0], -scores[1]]
    tilted = [smooth * np.exp(t * direction) for direction in directions for t in TILTS]
    return np.stack([np.log(tables.sums(one)) for one in tilted])


def _log_mean(logs: Floats) -> Floats:
    """Log of the mean over the first axis."""
    most = logs.max(axis=0)
    return np.asarray(most + np.log(np.exp(logs - most).mean(axis=0)))
