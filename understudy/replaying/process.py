"""A child process with limits in which a model of others is loaded and asked."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from types import TracebackType
from typing import Final, Self

import msgspec

from understudy.replaying.errors import ReplayFailedError
from understudy.replaying.frames import LINE, REPLIES, Ask, Failed, Reply
from understudy.runtime.children import child_environment

_MODULE: Final = "understudy.replaying.child"
_END_SECONDS: Final = 5.0


class ScoringChild:
    """One child; it is killed when an answer takes longer than its deadline, and at the end."""

    def __init__(self, *, memory_bytes: int, deadline_seconds: float) -> None:
        self._deadline_seconds = deadline_seconds
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", _MODULE, str(memory_bytes)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=child_environment(),
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait(_END_SECONDS)

    def ask(self, ask: Ask) -> Reply:
        """Raises ReplayFailedError."""
        late = threading.Event()
        timer = threading.Timer(self._deadline_seconds, self._give_up, [late])
        timer.start()
        try:
            line = self._exchange(LINE.encode(ask) + b"\n")
        finally:
            timer.cancel()
        if late.is_set():
            raise ReplayFailedError(
                f"The model did not answer a part within {self._deadline_seconds:g} s; "
                "the limit is --deadline."
            )
        try:
            reply: Reply = REPLIES.decode(line)
        except msgspec.DecodeError as error:
            raise ReplayFailedError(self._why_gone()) from error
        if isinstance(reply, Failed):
            raise ReplayFailedError(f"The model can't be replayed: {reply.error}")
        return reply

    def _exchange(self, line: bytes) -> bytes:
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the child was started without pipes")
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(line)
            self._process.stdin.flush()
        return self._process.stdout.readline()

    def _give_up(self, late: threading.Event) -> None:
        late.set()
        self._kill()

    def _kill(self) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _why_gone(self) -> str:
        status = self._process.wait(_END_SECONDS)
        return (
            f"The process that asks the model ended with status {status}. It needs the packages "
            "of a model: pip install 'understudy[models]' pyarrow msgspec. Or it needs more "
            "memory: --memory."
        )
