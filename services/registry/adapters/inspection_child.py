"""The child of `inspection`: reads a task from standard input, answers a verdict.

It loads the model only when all types in it are trusted. Whatever a file makes a library do here
ends with this process.
"""

import os
import resource
import sys
import warnings
import zipfile

from services.registry.adapters.inspection import Task, Verdict


def main() -> None:
    """Limit this process, look into both files, and say what was found."""
    task = Task.model_validate_json(sys.stdin.buffer.read())
    resource.setrlimit(resource.RLIMIT_AS, (task.memory_bytes, task.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (task.cpu_seconds, task.cpu_seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    # What a model prints must not get into the verdict.
    answer = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    verdict = _verdict(task)
    with os.fdopen(answer, "w", encoding="utf-8") as out:
        out.write(verdict.model_dump_json())


def _verdict(task: Task) -> Verdict:
    verdict = _artifact(task)
    if verdict.not_skops is not None:
        return verdict
    # Large libraries, which are to be loaded only within the limits.
    from services.registry.adapters.inspection_fit import findings  # noqa: PLC0415
    from services.registry.adapters.inspection_sample import look  # noqa: PLC0415

    looked = look(task.reference, task.signature)
    usable = not looked.problems and not set(verdict.untrusted) - set(task.trusted)
    unfit = findings(task, looked.rows) if usable else ()
    return verdict.model_copy(update={"reference": looked.problems, "unfit": unfit})


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


if __name__ == "__main__":
    main()
