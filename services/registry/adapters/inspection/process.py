"""One child process: it is told one thing, and says lines, each of which has a deadline."""

import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from understudy.runtime.children import child_environment

_PIECE: Final = 65_536
_LONGEST_LINE: Final = 16 << 20
_ENDING_SECONDS: Final = 1.0


class ChildEndedError(Exception):
    """The child ended, or said too much, before its line was whole. `status` as Popen has it."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the child ended with {status}")
        self.status = status


class ChildProcess:
    """Ends with its context, together with whatever it started."""

    def __init__(self, command: Sequence[str], told: bytes) -> None:
        # From a file: a child that never reads can't keep us from going on.
        with tempfile.TemporaryFile() as standard_input:
            standard_input.write(told)
            standard_input.seek(0)
            self._process = subprocess.Popen(  # noqa: S603 - our own module and interpreter
                command,
                stdin=standard_input,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=child_environment(),
                start_new_session=True,
            )
        assert self._process.stdout is not None  # noqa: S101 - it was asked for
        self._output = self._process.stdout
        self._held = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # First the group, then the child: as long as nobody waited for it, the group is its own.
        self.kill()
        self._process.wait()
        self._output.close()

    def kill(self) -> None:
        """It and whatever it started; before its context ends."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def line(self, seconds: float) -> bytes:
        """The next line. Raises TimeoutError, or ChildEndedError."""
        deadline = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            while b"\n" not in self._held:
                if not selector.select(max(deadline - time.monotonic(), 0.0)):
                    raise TimeoutError
                self._take()
        line, _, self._held = self._held.partition(b"\n")
        return line

    def _take(self) -> None:
        piece = os.read(self._output.fileno(), _PIECE)
        self._held += piece
        if not piece or len(self._held) > _LONGEST_LINE:
            raise ChildEndedError(self._status())

    def _status(self) -> int:
        """How it ended; it closes its output a moment before it does."""
        deadline = time.monotonic() + _ENDING_SECONDS
        while time.monotonic() < deadline:
            look = os.WEXITED | os.WNOHANG | os.WNOWAIT
            found = os.waitid(os.P_PID, self._process.pid, look)
            if found is not None:
                exited = found.si_code == os.CLD_EXITED
                return found.si_status if exited else -found.si_status
            time.sleep(0.005)
        return -signal.SIGKILL
