"""One real service that all clients ask: four deployments of two models, and a Redis."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.cluster import free_ports
from tests.fakes.serving import (
    LOANS,
    artifact_of,
    deployment,
    flower_model,
    loan_frame,
    loan_model,
    served,
)
from tests.serving_process import ServingProcess
from understudy.contracts.vocabulary import AccessLevel

ROWS = 1_000


@dataclass(frozen=True)
class Questions:
    """Rows, and what scikit-learn answers to them in this process."""

    rows: list[dict[str, Any]]
    predictions: list[Any]
    probabilities: list[list[float]]

    @property
    def names(self) -> list[str]:
        """Features in the signature's order."""
        return [*self.rows[0]]

    @property
    def lists(self) -> list[list[Any]]:
        """The rows without names."""
        return [[*row.values()] for row in self.rows]


@dataclass(frozen=True)
class Foreign:
    """The service as clients find it.

    `flowers` (numbers) and `loans` (all kinds) are public, `orchids` and `vault` are the same
    models for members of a project: `key` opens them.
    """

    url: str
    grpc: str
    key: str
    flowers: Questions
    loans: Questions
    process: ServingProcess

    def of(self, deployment: str) -> Questions:
        """What to ask `flowers` or `loans`."""
        return {"flowers": self.flowers, "loans": self.loans}[deployment]


@pytest.fixture(scope="session")
def foreign(redis_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Foreign]:
    folder: Path = tmp_path_factory.mktemp("foreign")
    (grpc_port,) = free_ports(1)
    settings = {
        "UNDERSTUDY_SERVING_GRPC_PORT": str(grpc_port),
        "UNDERSTUDY_SERVING_DEFAULT_DEPLOYMENT": "flowers",
    }
    running = ServingProcess(folder, redis_server, 2, settings)
    flower, loan = flower_model(), loan_model()
    flowers = served(1, running.registry.store(artifact_of(flower)))
    loans = served(1, running.registry.store(artifact_of(loan)), LOANS)
    running.registry.publish(
        deployment([flowers]),
        deployment([flowers], name="orchids", access=AccessLevel.PROJECT),
        deployment([loans], name="loans"),
        deployment([loans], name="vault", access=AccessLevel.PROJECT),
    )
    running.registry.start()
    try:
        running.start()
        yield Foreign(
            running.url,
            f"127.0.0.1:{grpc_port}",
            running.registry.admin.plaintext,
            _flowers(flower),
            _loans(loan),
            running,
        )
    finally:
        running.stop()
        running.registry.stop()


def _flowers(model: Any) -> Questions:
    inputs = np.random.default_rng(7).uniform(0.0, 10.0, (ROWS, 2))
    rows = [{"length": length, "width": width} for length, width in inputs.tolist()]
    return Questions(rows, model.predict(inputs).tolist(), model.predict_proba(inputs).tolist())


def _loans(model: Any) -> Questions:
    frame = loan_frame(ROWS, seed=7)
    found = Questions([], model.predict(frame).tolist(), model.predict_proba(frame).tolist())
    found.rows.extend(_row(record) for record in frame.to_dict("records"))
    return found


def _row(record: dict[Any, Any]) -> dict[str, Any]:
    row = {str(name): value for name, value in record.items() if not pd.isna(value)}
    return {**row, "age": int(row["age"]), "employed": bool(row["employed"])}
