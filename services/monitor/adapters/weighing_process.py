"""Density weights are made by a child process: scikit-learn is heavy, and idle nearly always."""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from services.monitor.adapters.child_process import reason_of, run_child, said_last
from services.monitor.adapters.report_process import current_table
from services.monitor.adapters.weighing import WeighingTask
from services.monitor.domain.errors import WeighingFailedError
from services.monitor.domain.rows import PredictionRows
from understudy.contracts.signature import Signature
from understudy.profiles.arrays import Floats
from understudy.profiles.columns import Column

_MODULE: Final = "services.monitor.adapters.weighing"
_MEMORY_BYTES: Final = 2 * 1024**3
_MOST_LIVE_ROWS: Final = 10_000


class WeighingProcess:
    """Implements `ports.Weigher`."""

    async def weights(
        self,
        signature: Signature,
        live: Sequence[PredictionRows],
        baseline: Mapping[str, Column],
        deadline_seconds: float,
    ) -> Floats | None:
        """One child, which is gone when it has answered."""
        with tempfile.TemporaryDirectory(prefix="understudy-weights-") as name:
            folder = Path(name)
            task = _task(signature, baseline, folder, int(deadline_seconds) + 1)
            await asyncio.to_thread(_write, task, current_table(live, signature, _MOST_LIVE_ROWS))
            await asyncio.to_thread(_write_baseline, task, baseline)
            described = folder / "task.json"
            described.write_bytes(msgspec.json.encode(task))
            try:
                async with asyncio.timeout(deadline_seconds):
                    status = await run_child(_MODULE, described, folder)
            except TimeoutError as error:
                raise WeighingFailedError(f"not ready within {deadline_seconds:g} s") from error
            if status != 0:
                raise WeighingFailedError(f"status {status}: {reason_of(said_last(folder))}")
            found: Floats = np.load(folder / "weights.npy")
            return found if found.size else None


def _task(
    signature: Signature, baseline: Mapping[str, Column], folder: Path, seconds: int
) -> WeighingTask:
    there = [feature for feature in signature.features if feature.name in baseline]
    return WeighingTask(
        live=str(folder / "live.parquet"),
        baseline=str(folder / "baseline.parquet"),
        weights=str(folder / "weights.npy"),
        numbers=[feature.name for feature in there if feature.numeric],
        categories=[feature.name for feature in there if not feature.numeric],
        seconds=seconds,
        memory_bytes=_MEMORY_BYTES,
    )


def _write(task: WeighingTask, live: pa.Table) -> None:
    pq.write_table(live, task.live)


def _write_baseline(task: WeighingTask, baseline: Mapping[str, Column]) -> None:
    columns = {
        name: pa.array(column, pa.float64() if isinstance(column, np.ndarray) else pa.string())
        for name, column in baseline.items()
    }
    pq.write_table(pa.table(columns), task.baseline)
