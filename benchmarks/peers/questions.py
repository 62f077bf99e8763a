"""The questions that are asked: of which servers, with which models and loads, what by what."""

from dataclasses import dataclass
from typing import Final

from benchmarks.peers.contest import Loads
from benchmarks.peers.servers import PEERS

_SINGLE: Final = Loads(rows=(1,), half=True)
_OTHERS: Final = tuple(peer.name for peer in PEERS)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One question."""

    title: str
    servers: tuple[str, ...]
    models: tuple[str, ...]
    loads: Loads
    compared: tuple[tuple[str, str], ...]
    """Pairs of servers: the first is divided by the second."""


def beside_peers(ours: tuple[str, ...], others: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Each of ours by each of theirs."""
    return tuple((mine, theirs) for mine in ours for theirs in others)


_OURS: Final = ("ours", "ours-two-cores", "ours-sklearn", "ours-sklearn-two-cores")

COMPARISONS: Final[dict[str, Comparison]] = {
    "quick": Comparison(
        title="A quick look",
        servers=("ours", "ours-sklearn", *_OTHERS),
        models=("linear",),
        loads=Loads(rows=(1,), connections=(8,), rounds=3, seconds=1.0),
        compared=beside_peers(("ours", "ours-sklearn"), _OTHERS),
    ),
    "peers": Comparison(
        title="Beside other model servers",
        servers=(*_OURS, *_OTHERS),
        models=("linear", "forest", "boosting"),
        loads=Loads(),
        compared=beside_peers(_OURS, _OTHERS),
    ),
    "challenger": Comparison(
        title="With against without challenger",
        servers=("ours", "ours-alone", "ours-two-cores", "ours-alone-two-cores"),
        models=("linear", "forest"),
        loads=_SINGLE,
        compared=(("ours", "ours-alone"), ("ours-two-cores", "ours-alone-two-cores")),
    ),
    "durability": Comparison(
        title="Strict against relaxed log",
        servers=("ours-strict", "ours", "ours-strict-two-cores", "ours-two-cores"),
        models=("linear",),
        loads=_SINGLE,
        compared=(("ours-strict", "ours"), ("ours-strict-two-cores", "ours-two-cores")),
    ),
    "runner": Comparison(
        title="Compiled against scikit-learn",
        servers=("ours", "ours-sklearn"),
        models=("linear", "forest", "boosting"),
        loads=Loads(half=True),
        compared=(("ours", "ours-sklearn"),),
    ),
    "deployments": Comparison(
        title="100 deployments against 1",
        servers=("ours-100-deployments", "ours-alone"),
        models=("linear",),
        loads=_SINGLE,
        compared=(("ours-100-deployments", "ours-alone"),),
    ),
    "features": Comparison(
        title="3 to 300 features",
        servers=("ours", "fastapi", "echo"),
        models=("linear-3", "linear-10", "linear", "linear-100", "linear-300"),
        loads=Loads(rows=(1,)),
        compared=(("ours", "fastapi"), ("ours", "echo")),
    ),
}
