"""A deployment as Ray Serve's documentation writes it, plain and with `serve.batch`."""

import os
import signal
import sys

import joblib
import numpy as np
import ray
from ray import serve
from starlette.requests import Request

ONE = {"num_replicas": 1, "max_ongoing_requests": 100, "ray_actor_options": {"num_cpus": 1}}
QUIET = {"enable_access_log": False, "log_level": "WARNING"}


@serve.deployment(**ONE)
class Plain:
    """One call of the model for each request."""

    def __init__(self, path: str) -> None:
        self.model = joblib.load(path)

    async def __call__(self, request: Request) -> list:
        """Both classes' probabilities of each row."""
        return self.model.predict_proba((await request.json())["rows"]).tolist()


@serve.deployment(**ONE)
class Batching:
    """One call of the model for the requests that have gathered."""

    def __init__(self, path: str) -> None:
        self.model = joblib.load(path)

    @serve.batch(max_batch_size=64, batch_wait_timeout_s=0.001)
    async def score(self, requests: list[list[list[float]]]) -> list[list]:
        """Both classes' probabilities of each row, by request."""
        answers = self.model.predict_proba(np.concatenate(requests))
        parts = np.split(answers, np.cumsum([len(rows) for rows in requests])[:-1])
        return [part.tolist() for part in parts]

    async def __call__(self, request: Request) -> list:
        """Both classes' probabilities of each row."""
        return await self.score((await request.json())["rows"])


if __name__ == "__main__":
    ray.init(
        address="local",
        num_cpus=1,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=100_000_000,
    )
    serve.start(
        http_options={"host": "127.0.0.1", "port": int(os.environ["BENCH_PORT"])},
        logging_config=QUIET,
    )
    chosen = Batching if sys.argv[1:] == ["batching"] else Plain
    serve.run(chosen.bind(os.environ["BENCH_MODEL"]), logging_config=QUIET)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()
