"""The parent's side of reading pickles: has a sandboxed child make a skops file of one, once."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from services.registry.adapters.inspection.children import Children
from services.registry.adapters.inspection.messages import Unpickled, Unpickling
from services.registry.adapters.inspection.process import ChildEndedError, ChildProcess
from services.registry.domain.artifact_refusals import (
    ArtifactOtherVersionError,
    PickleNotConvertedError,
    SandboxUnavailableError,
)

CHILD: Final = (sys.executable, "-m", "services.registry.adapters.inspection.unpickling_child")


class Unpickler:
    """Makes skops files of pickles."""

    def __init__(
        self,
        children: Children,
        *,
        seconds: float,
        memory_bytes: int,
        most_bytes: int,
        child: Sequence[str] = CHILD,
    ) -> None:
        self._children = children
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._most_bytes = most_bytes
        self._child = child

    def convert(self, pickle: Path, folder: Path) -> Path:
        """The skops file, in the folder.

        Raises PickleNotConvertedError, ArtifactOtherVersionError, SandboxUnavailableError or
        InspectionBusyError.
        """
        output = folder / "converted"
        output.touch()  # the child can make no files
        task = Unpickling(
            pickle=str(pickle),
            output=str(output),
            cpu_seconds=int(self._seconds) + 1,
            memory_bytes=self._memory_bytes,
            most_bytes=self._most_bytes,
        )
        with self._children.started(self._child, task.model_dump_json().encode()) as child:
            said = self._said(child)
        # The child has ended, so nothing changes what it wrote any more.
        if said.no_sandbox is not None:
            raise SandboxUnavailableError(
                "The project takes pickles, but here nothing could keep one from doing harm: "
                f"{said.no_sandbox}. Save the model with skops.io.dump."
            )
        if said.other_version is not None:
            raise ArtifactOtherVersionError(
                f"The pickle was made with {said.other_version}; save the model there with "
                "skops.io.dump, or train it with the release that is here."
            )
        if not said.written:
            raise _failed(said.reason)
        return output

    def _said(self, child: ChildProcess) -> Unpickled:
        try:
            return Unpickled.model_validate_json(child.line(self._seconds))
        except TimeoutError as error:
            raise _failed(f"it takes longer than {self._seconds:g} s") from error
        except (ChildEndedError, ValidationError) as error:
            raise _failed("its process ended") from error


def _failed(reason: str) -> PickleNotConvertedError:
    return PickleNotConvertedError(
        f"The pickle was read in the sandbox, and no skops file came of it ({reason}). What reads "
        "or writes files, starts something or asks the network while it is loaded fails there. "
        "Save the model with skops.io.dump where it was trained."
    )
