"""FastAPI with scikit-learn in an `async` path operation, on uvicorn."""

import json
from typing import Final

from benchmarks.peers.server import Peer
from benchmarks.peers.servers.echo import uvicorn
from benchmarks.peers.workload import compact, second_of_each

FASTAPI: Final = Peer(
    name="fastapi",
    setup="FastAPI, pydantic body, `async` path operation; uvicorn, uvloop, httptools, no log.",
    requirements=(
        "fastapi==0.165.0",
        "uvicorn[standard]==0.54.0",
        "scikit-learn==1.9.1",
        "numpy==2.4.6",
    ),
    command=lambda site: uvicorn(site, "fastapi_app"),
    path="/predict",
    body=lambda rows: compact({"rows": rows.tolist()}),
    read=lambda answer: second_of_each(json.loads(answer)["probabilities"]),
)
