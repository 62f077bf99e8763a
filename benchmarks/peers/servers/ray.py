"""Ray Serve: one proxy, one replica, plain and with `serve.batch`."""

import json
from typing import Final

from benchmarks.peers.server import Peer, app
from benchmarks.peers.workload import compact, second_of_each

_ENV: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    # As the performance guide advises; requests go on entering by the proxy's port.
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    "RAY_SERVE_ENABLE_DIRECT_INGRESS": "0",
    # Between its turns it is stopped; it must not take that for its nodes' death.
    "RAY_health_check_failure_threshold": "100000",
}


def _peer(name: str, setup: str, *arguments: str) -> Peer:
    return Peer(
        name=name,
        setup=setup,
        requirements=("ray[serve]==2.60.0", "scikit-learn==1.9.1", "numpy==2.4.6"),
        command=lambda site: [site.python, app("ray_app.py"), *arguments],
        path="/",
        body=lambda rows: compact({"rows": rows.tolist()}),
        read=lambda answer: second_of_each(json.loads(answer)),
        env=_ENV,
    )


RAY: Final = _peer(
    "ray",
    "One proxy, one replica, `RAY_SERVE_THROUGHPUT_OPTIMIZED=1`; no dashboard, no access log.",
)
RAY_BATCHING: Final = _peer(
    "ray-batching",
    "The same with `@serve.batch(max_batch_size=64, batch_wait_timeout_s=0.001)`.",
    "batching",
)
