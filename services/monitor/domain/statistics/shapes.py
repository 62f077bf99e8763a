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
from scipy.special import gammaln, ndtri

from services.monitor.domain.statistics.ball import log_likelihood_bound, radius
from services.monitor.domain.statistics.segments import Segments, segments
from understudy.profiles.arrays import Floats

CONCENTRATIONS: Final = (20.0, 300.0)
Places = NDArray[np.intp]
Flags = NDArray[np.bool_]

TILTS: Final = np.array([0.15, 0.3, 0.6, 1.2])
WORTH_A_LOOK: Final = 6.0
"""Evidence that can't be above e⁶ counts as none: that only makes sums smaller, and by little."""


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

    def log_evidence(self, counts: Floats, strata: Places) -> Floats:
        """Shape (sums, columns), each sum of the stratum named → (sums, tables)."""
        hot = self._worth_a_look(counts, strata)
        found = np.full(hot.shape, -np.inf)
        if hot.any():
            found[hot] = self._log_evidence_of(counts, strata, hot)
        return found

    def _worth_a_look(self, counts: Floats, strata: Places) -> Flags:
        """Where evidence could be large at all.

        E is at most the likelihood ratio of the counts' own shares against the reference's, and at
        most 1 where those shares are in the ball.
        """
        rows, shares = self.tables.sums(counts), self.shares[strata]
        with np.errstate(divide="ignore", invalid="ignore"):
            own = np.log(counts / self.tables.spread(rows))
            usual = np.log(shares)
            most = self.tables.sums(np.where(counts > 0, counts * (own - usual), 0.0))
            apart = self.tables.sums(np.where(shares > 0, shares * (usual - own), 0.0))
        return np.asarray((most > WORTH_A_LOOK) & ~(apart <= self.radii[strata]))

    def _log_evidence_of(self, counts: Floats, strata: Places, hot: Flags) -> Floats:
        """Of the tables named hot alone, one after another."""
        columns = np.repeat(hot, self.tables.widths, axis=1)
        sums, tables = np.nonzero(hot)
        of = strata[sums], tables
        some = Some(
            tables=segments(self.tables.widths[tables]),
            counts=counts[columns],
            smooth=self.smooth[strata][columns],
            log_smooth=self.log_smooth[strata][columns],
        )
        above = _log_mean(
            np.stack(
                [
                    _log_mean(np.stack(some.log_dirichlets(self.log_priors[:, *of]))),
                    _log_mean(
                        some.log_tilted(self.scores[:, strata][:, columns], self.norms[:, *of])
                    ),
                ]
            )
        )
        shares = self.shares[strata][columns]
        bound = log_likelihood_bound(some.counts, shares, self.radii[of], some.tables)
        return np.asarray(above - bound + some.log_base)


@dataclass(frozen=True, slots=True, eq=False)
class Some:
    """Tables picked from all: their columns one after another."""

    tables: Segments
    counts: Floats
    smooth: Floats
    log_smooth: Floats

    @property
    def log_base(self) -> Floats:
        """Log-likelihood of the counts under the smoothed reference."""
        return self.tables.sums(self.counts * self.log_smooth)

    def log_dirichlets(self, log_priors: Floats) -> list[Floats]:
        """Against the smoothed reference, for each concentration."""
        rows, base = self.tables.sums(self.counts), self.log_base
        return [
            self.tables.sums(gammaln(k * self.smooth + self.counts))
            + (gammaln(k) - gammaln(k + rows) - known - base)
            for k, known in zip(CONCENTRATIONS, log_priors, strict=True)
        ]

    def log_tilted(self, scores: Floats, norms: Floats) -> Floats:
        """The same for each tilt: sums of scores suffice, ±t·Σ c·score - n·norm."""
        sums = np.stack([self.tables.sums(self.counts * one) for one in scores])
        signed = np.concatenate([sums, -sums])
        strength = np.multiply.outer(TILTS, signed).swapaxes(0, 1).reshape(len(norms), -1)
        return np.asarray(strength - self.tables.sums(self.counts) * norms)


def shape_test(
    counts: Floats, tables: Segments, effects: Floats, tolerance: float, chance: float
) -> ShapeTest:
    """From the reference's counts (strata, columns) and design effects (tables).

    `chance` is that of the reference being misleading, for each table of each stratum.
    """
    rows = tables.sums(counts)
    shares = counts / tables.spread(np.maximum(rows, 1.0))
    smooth = (counts + 0.5) / tables.spread(rows + 0.5 * tables.widths)
    scores = _scores(smooth, tables)
    return ShapeTest(
        tables=tables,
        shares=shares,
        smooth=smooth,
        radii=radius(rows / effects, tables.widths.astype(np.float64), tolerance, chance),
        scores=scores,
        norms=_norms(smooth, scores, tables),
        log_smooth=np.log(smooth),
        log_priors=np.stack([tables.sums(gammaln(k * smooth)) for k in CONCENTRATIONS]),
    )


def _scores(smooth: Floats, tables: Segments) -> Floats:
    """Standardised: mean 0 and variance 1 under the smoothed reference."""
    running = np.cumsum(smooth, axis=-1)
    before = tables.spread(running[:, tables.begins] - smooth[:, tables.begins])
    place = ndtri(np.clip(running - before - smooth / 2, 1e-4, 1 - 1e-4))
    place = place - tables.spread(tables.sums(smooth * place))
    place = place / (np.sqrt(tables.spread(tables.sums(smooth * place**2))) + 1e-9)
    return np.stack([place, (place**2 - 1.0) / 2.0])


def _norms(smooth: Floats, scores: Floats, tables: Segments) -> Floats:
    """In the order of `Some.log_tilted`: up and down by place and spread, each with all tilts."""
    directions = [scores[0], scores[1], -scores[0], -scores[1]]
    tilted = [smooth * np.exp(t * direction) for direction in directions for t in TILTS]
    return np.stack([np.log(tables.sums(one)) for one in tilted])


def _log_mean(logs: Floats) -> Floats:
    """Log of the mean over the first axis."""
    most = logs.max(axis=0)
    return np.asarray(most + np.log(np.exp(logs - most).mean(axis=0)))
