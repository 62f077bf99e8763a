"""BentoML as its tutorial writes a service, plain and with adaptive batching."""

import json
from collections.abc import Sequence
from typing import Final

from benchmarks.peers.server import APPS, Peer, PeerSite
from benchmarks.peers.workload import compact, second_of_each


def _peer(name: str, service: str, setup: str) -> Peer:
    def command(site: PeerSite) -> Sequence[str]:
        return [
            *(site.python, "-m", "bentoml", "serve", f"bentoml_app:{service}"),
            *("--working-dir", str(APPS)),
            *("--host", "127.0.0.1", "--port", str(site.port)),
        ]

    return Peer(
        name=name,
        setup=setup,
        requirements=("bentoml==1.4.39", "scikit-learn==1.9.1", "numpy==2.4.6"),
        command=command,
        path="/predict",
        body=lambda rows: compact({"rows": rows.tolist()}),
        read=lambda answer: second_of_each(json.loads(answer)),
        env={"BENTOML_DO_NOT_TRACK": "True"},
    )


BENTOML: Final = _peer("bentoml", "Plain", "A service with one `@bentoml.api`; no access log.")
BENTOML_BATCHING: Final = _peer(
    "bentoml-batching",
    "Batching",
    "`@bentoml.api(batchable=True, max_batch_size=1024)`; no access log.",
)
