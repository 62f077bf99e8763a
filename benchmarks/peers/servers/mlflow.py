"""`mlflow models serve`."""

import json
import os
import subprocess
from collections.abc import Sequence
from typing import Final

from benchmarks.peers.server import Peer, PeerSite, app
from benchmarks.peers.workload import compact, second_of_each

_SAVE_SECONDS: Final = 120


def _command(site: PeerSite) -> Sequence[str]:
    saved = site.folder / "saved"
    subprocess.run(
        [site.python, app("mlflow_model.py"), str(saved)],
        env={**os.environ, "BENCH_MODEL": str(site.model.joblib)},
        cwd=site.folder,
        capture_output=True,
        check=True,
        timeout=_SAVE_SECONDS,
    )
    serve = ["-m", "mlflow", "models", "serve", "--model-uri", str(saved), "--workers", "1"]
    return [
        *(site.python, *serve, "--env-manager", "local"),
        *("--host", "127.0.0.1", "--port", str(site.port)),
    ]


MLFLOW: Final = Peer(
    name="mlflow",
    setup="`mlflow models serve --workers 1 --env-manager local`, no access log.",
    requirements=("mlflow==3.17.0", "scikit-learn==1.9.1", "numpy==2.4.6"),
    command=_command,
    path="/invocations",
    body=lambda rows: compact({"inputs": rows.tolist()}),
    read=lambda answer: second_of_each(json.loads(answer)["predictions"]),
    env={"UVICORN_ACCESS_LOG": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
)
