"""The child that infers a signature: an `MLmodel` file and a sample in, a signature or why not out.

It keeps the limits; what is inferred is `understudy.importing.stated`'s business.
"""

import resource
import signal
import sys
from typing import Final

from pydantic import BaseModel

from understudy.contracts.signature import Signature
from understudy.importing.errors import UnclearError
from understudy.importing.mlmodel import Stated, read_mlmodel
from understudy.importing.stated import Hints, signature_of

_TARGET_OPTION: Final = "the version's tag 'understudy.target'"


class InferenceTask(BaseModel):
    """What the child is told."""

    mlmodel: str
    reference: str
    """A path."""
    target: str | None
    time_column: str | None
    legal_ranges: bool
    cpu_seconds: int
    memory_bytes: int


class Inferred(BaseModel):
    """What it found: a signature, or why there is none."""

    signature: Signature | None = None
    problem: str | None = None


def main() -> None:
    """Limit this process, look, say what was found."""
    task = InferenceTask.model_validate_json(sys.stdin.buffer.read())
    resource.setrlimit(resource.RLIMIT_AS, (task.memory_bytes, task.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (task.cpu_seconds, task.cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(2 * task.cpu_seconds)
    sys.stdout.write(inferred(task).model_dump_json() + "\n")
    sys.stdout.flush()


def inferred(task: InferenceTask) -> Inferred:
    """The signature, or what is unclear."""
    import pyarrow as pa  # noqa: PLC0415 - only within the limits
    from pyarrow import parquet  # noqa: PLC0415

    try:
        stated = _stated(task.mlmodel)
        with parquet.ParquetFile(task.reference) as file:
            return Inferred(signature=signature_of(file, stated, _hints(task)))
    except UnclearError as unclear:
        return Inferred(problem=str(unclear))
    except (pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0][:200]
        return Inferred(problem=f"the reference sample can't be read as Parquet: {said}")
    except ValueError as error:
        # A signature's own words.
        return Inferred(problem=str(error).splitlines()[0][:300])


def _stated(mlmodel: str) -> Stated:
    stated = read_mlmodel(mlmodel).stated
    if stated is None:
        raise UnclearError(
            "MLmodel holds no signature: save the model with signature=infer_signature(…), or put "
            "a signature.json beside it"
        )
    return stated


def _hints(task: InferenceTask) -> Hints:
    return Hints(
        target=task.target,
        aside=() if task.time_column is None else (task.time_column,),
        legal_ranges=task.legal_ranges,
        target_option=_TARGET_OPTION,
    )


if __name__ == "__main__":
    main()
