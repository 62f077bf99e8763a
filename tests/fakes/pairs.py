"""A pair stream in memory."""

from collections.abc import Sequence

from understudy.contracts.events import PairBatch, Scores, pack
from understudy.contracts.vocabulary import Outcome


class ListPairs:
    """Implements `ports.Pairs`; ids are numbers."""

    def __init__(self) -> None:
        self.entries: list[PairBatch | None] = []
        self.away = False

    async def latest(self, deployment: str) -> bytes:
        del deployment
        self._answer()
        return b"%d" % len(self.entries)

    async def since(
        self, deployment: str, entry: bytes
    ) -> Sequence[tuple[bytes, PairBatch | None]]:
        del deployment
        self._answer()
        start = int(entry.partition(b"-")[0])
        return [(b"%d" % (at + 1), self.entries[at]) for at in range(start, len(self.entries))]

    def _answer(self) -> None:
        if self.away:
            raise ConnectionError("Redis is away")


def pairs_of(
    ids: Sequence[str],
    values: Sequence[float],
    probabilities: Sequence[float] = (),
    *,
    deployment: str = "flowers",
    challenger: int = 2,
    outcome: Outcome = Outcome.OK,
    at: float = 0.0,
) -> PairBatch:
    """What a challenger of FLOWERS answered to some predictions."""
    classes = ("setosa", "virginica")
    nothing = Scores(values=pack([0.0] * len(ids)), classes=classes)
    found = Scores(values=pack(values), probabilities=pack(probabilities), classes=classes)
    return PairBatch(
        deployment=deployment,
        release=1,
        main=1,
        challenger=challenger,
        ids=[*ids],
        at=pack([at] * len(ids)),
        main_scores=nothing,
        main_seconds=pack([0.0] * len(ids)),
        challenger_scores=found,
        challenger_seconds=pack([0.0] * len(ids)),
        outcomes=[outcome] * len(ids),
    )
