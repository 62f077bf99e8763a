"""A model asked for many rows in small calls, within the child: a call can't be interrupted."""

from typing import Final

import numpy as np

from understudy.inference.rows import Rows
from understudy.inference.scored import Runner, Scored

ROWS_A_CALL: Final = 500


class InPieces:
    """Answers as the runner does."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    def score(self, rows: Rows) -> Scored:
        """Raises what the runner raises."""
        starts = range(0, len(rows), ROWS_A_CALL)
        found = [self._runner.score(rows.part(start, start + ROWS_A_CALL)) for start in starts]
        given = [part.probabilities for part in found if part.probabilities is not None]
        return Scored(
            np.concatenate([part.values for part in found]),
            np.concatenate(given) if given else None,
        )
