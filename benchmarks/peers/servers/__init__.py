"""All servers that can be measured, by name."""

from typing import Final

from benchmarks.peers.server import Server
from benchmarks.peers.servers.bentoml import BENTOML, BENTOML_BATCHING
from benchmarks.peers.servers.echo import ECHO
from benchmarks.peers.servers.fastapi import FASTAPI
from benchmarks.peers.servers.kserve import KSERVE
from benchmarks.peers.servers.litserve import LITSERVE, LITSERVE_BATCHING
from benchmarks.peers.servers.mlflow import MLFLOW
from benchmarks.peers.servers.mlserver import MLSERVER
from benchmarks.peers.servers.ours import OURS
from benchmarks.peers.servers.ray import RAY, RAY_BATCHING

PEERS: Final[tuple[Server, ...]] = (
    ECHO,
    FASTAPI,
    MLSERVER,
    KSERVE,
    MLFLOW,
    BENTOML,
    BENTOML_BATCHING,
    RAY,
    RAY_BATCHING,
    LITSERVE,
    LITSERVE_BATCHING,
)
SERVERS: Final[dict[str, Server]] = {server.name: server for server in (*OURS, *PEERS)}
