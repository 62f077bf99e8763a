"""The child that reads a pickle: it shuts itself in, and only then looks at the first byte.

What is in the pickle may do here what it likes, which is little: see `sandbox`. Nothing that this
process says or writes is believed: the file that it leaves is inspected like one that came in.
"""

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.registry.adapters.inspection.messages import Unpickled, Unpickling
from services.registry.adapters.inspection.releases import other_release
from services.registry.adapters.inspection.sandbox import NoSandboxError, disarm, limit, shut_in

_LONGEST_REASON = 300


def main() -> None:
    """Be told, be shut in, read, write."""
    task = Unpickling.model_validate_json(sys.stdin.buffer.read())
    answer = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    os.dup2(answer, sys.stdin.fileno())  # what is told next goes where nobody reads any more
    os.close(answer)
    limit(memory_bytes=task.memory_bytes, cpu_seconds=task.cpu_seconds, file_bytes=task.most_bytes)
    try:
        shut_in(Path(task.pickle), Path(task.output))
        # Libraries start threads as they are loaded.
        import joblib  # noqa: PLC0415 - large, only within the limits
        import skops.io  # noqa: PLC0415 - the same

        disarm()
    except NoSandboxError as error:
        _say(Unpickled(no_sandbox=str(error)))
        return
    _say(_converted(task, joblib.load, skops.io.dump))


def _say(said: Unpickled) -> None:
    os.write(sys.stdin.fileno(), said.model_dump_json().encode() + b"\n")


def _converted(
    task: Unpickling, load: Callable[[str], Any], dump: Callable[[Any, str], None]
) -> Unpickled:
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model = load(task.pickle)
        other = other_release(told)
        if other is not None:
            return Unpickled(other_version=other)
        dump(model, task.output)
    except MemoryError:
        return Unpickled(reason="it takes more memory than it may")
    except BaseException as error:  # noqa: BLE001 - foreign code: whatever it raises is a reason
        return Unpickled(reason=f"{type(error).__name__}: {error}"[:_LONGEST_REASON])
    return Unpickled(written=True)


if __name__ == "__main__":
    main()
