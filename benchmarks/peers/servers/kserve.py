"""KServe's Python server with a custom model, V1 protocol."""

import json
from typing import Final

from benchmarks.peers.server import Peer, app
from benchmarks.peers.workload import compact, second_of_each

KSERVE: Final = Peer(
    name="kserve",
    setup="Custom `kserve.Model`, V1 protocol, one worker, no gRPC, no latency log.",
    requirements=("kserve==0.21.0", "scikit-learn==1.9.1", "numpy==2.4.6"),
    command=lambda site: [site.python, app("kserve_app.py")],
    path="/v1/models/model:predict",
    body=lambda rows: compact({"instances": rows.tolist()}),
    read=lambda answer: second_of_each(json.loads(answer)["predictions"]),
)
