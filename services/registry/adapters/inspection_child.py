"""The child of `inspection`: reads a task from standard input, answers a verdict. Loads nothing.

Whatever a file makes a library do here ends with this process.
"""

import resource
import sys
import zipfile

from services.registry.adapters.inspection import Task, Verdict

_FEWEST_ROWS = 1
_MOST_NAMED = 20


def main() -> None:
    """Limit this process, look into both files, and say what was found."""
    task = Task.model_validate_json(sys.stdin.buffer.read())
    resource.setrlimit(resource.RLIMIT_AS, (task.memory_bytes, task.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (task.cpu_seconds, task.cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    verdict = _artifact(task)
    if verdict.not_skops is None:
        verdict = verdict.model_copy(update={"reference": _reference(task)})
    sys.stdout.write(verdict.model_dump_json())


def _artifact(task: Task) -> Verdict:
    if not zipfile.is_zipfile(task.artifact):
        return Verdict(not_skops="it is no zip archive")
    with zipfile.ZipFile(task.artifact) as archive:
        if "schema.json" not in archive.namelist():
            return Verdict(not_skops="it has no schema.json")
    from skops.io import get_untrusted_types  # noqa: PLC0415 - only within the limits

    try:
        return Verdict(untrusted=tuple(get_untrusted_types(file=task.artifact)))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - hostile input: any failure to read it is a finding
        return Verdict(not_skops=f"skops can't read it: {type(error).__name__}: {error}"[:300])


def _reference(task: Task) -> tuple[str, ...]:
    """What keeps the sample from being used; empty when nothing does."""
    import pyarrow as pa  # noqa: PLC0415 - only within the limits
    from pyarrow import parquet  # noqa: PLC0415 - the same

    try:
        with parquet.ParquetFile(task.reference) as file:
            problems = _columns(task, file.schema_arrow)
            if problems:
                return tuple(problems[:_MOST_NAMED])
            names = [*task.columns, task.target]
            rows = sum(batch.num_rows for batch in file.iter_batches(columns=names))
    except (pa.ArrowException, OSError) as error:
        return (f"it can't be read as Parquet: {str(error).splitlines()[0][:200]}",)
    return () if rows >= _FEWEST_ROWS else ("it has no rows",)


def _columns(task: Task, schema: object) -> list[str]:
    import pyarrow as pa  # noqa: PLC0415 - only within the limits

    assert isinstance(schema, pa.Schema)  # noqa: S101 - what pyarrow gives
    missing = [name for name in (*task.columns, task.target) if name not in schema.names]
    problems = [f"column '{name}' is missing" for name in missing]
    for name, numeric in task.columns.items():
        if numeric and name in schema.names and not _numeric(schema.field(name).type):
            problems.append(f"column '{name}' is {schema.field(name).type}, not a number")
    return problems


def _numeric(kind: object) -> bool:
    from pyarrow import types  # noqa: PLC0415 - only within the limits

    tests = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal, types.is_null)
    return any(test(kind) for test in tests)


if __name__ == "__main__":
    main()
