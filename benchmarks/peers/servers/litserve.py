"""LitServe: one API server and one worker process, plain and batching."""

import json
from typing import Final

from benchmarks.peers.server import Peer, app
from benchmarks.peers.workload import compact, second_of_each


def _peer(name: str, setup: str, *arguments: str) -> Peer:
    return Peer(
        name=name,
        setup=setup,
        requirements=("litserve==0.2.19", "scikit-learn==1.9.1", "numpy==2.4.6"),
        command=lambda site: [site.python, app("litserve_app.py"), *arguments],
        path="/predict",
        body=lambda rows: compact({"rows": rows.tolist()}),
        read=lambda answer: second_of_each(json.loads(answer)["probabilities"]),
    )


LITSERVE: Final = _peer("litserve", "A `LitAPI` on the CPU, one worker, no access log.")
LITSERVE_BATCHING: Final = _peer(
    "litserve-batching", "The same with `max_batch_size=64, batch_timeout=0.001`.", "batching"
)
