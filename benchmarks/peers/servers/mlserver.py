"""MLServer with its scikit-learn runtime, V2 protocol."""

import json
from collections.abc import Sequence
from typing import Final

from benchmarks.peers.models import Floats
from benchmarks.peers.server import Peer, PeerSite, free_port
from benchmarks.peers.workload import compact


def _command(site: PeerSite) -> Sequence[str]:
    settings = {
        "host": "127.0.0.1",
        "http_port": site.port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": 0,
        "debug": False,
    }
    model = {
        "name": "model",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": str(site.model.joblib)},
    }
    (site.folder / "settings.json").write_text(json.dumps(settings))
    (site.folder / "model-settings.json").write_text(json.dumps(model))
    return [str(site.bin / "mlserver"), "start", str(site.folder)]


def _body(rows: Floats) -> bytes:
    tensor = {
        "name": "rows",
        "shape": rows.shape,
        "datatype": "FP64",
        "data": rows.ravel().tolist(),
    }
    return compact({"inputs": [tensor], "outputs": [{"name": "predict_proba"}]})


def _read(answer: bytes) -> list[float]:
    values: list[float] = json.loads(answer)["outputs"][0]["data"]
    return values[1::2]


MLSERVER: Final = Peer(
    name="mlserver",
    setup="scikit-learn runtime, V2 protocol, `parallel_workers=0` (no worker pool), no debug.",
    requirements=(
        "mlserver==1.7.1",
        "mlserver-sklearn==1.7.1",
        "scikit-learn==1.9.1",
        "numpy==2.4.6",
    ),
    command=_command,
    path="/v2/models/model/infer",
    body=_body,
    read=_read,
)
