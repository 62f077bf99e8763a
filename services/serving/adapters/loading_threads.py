"""Threads that load models: each load has its own, so that one that hangs can be left behind.

Nothing can end a thread that hangs in a library. It keeps its memory and its place among the few
that may hang at a time; it holds up no other load, and not the end of the process.
"""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable
from typing import Final, TypeVar

Result = TypeVar("Result")

MOST_THREADS: Final = 16
_SWITCH_SECONDS: Final = 0.0005
"""How long the interpreter lets a thread go on while another waits; 0.005 else. A load is mostly
Python, and the event loop must not wait for ten turns of it."""


class LoadsHangError(Exception):
    """So many loads hang that no further one is begun: the process must be started anew."""


class LoadingThreads:
    """At most `MOST_THREADS` at a time, hanging ones included. Used from one event loop."""

    def __init__(self) -> None:
        self._running = 0
        self._usual = sys.getswitchinterval()

    def run(self, load: Callable[[], Result]) -> asyncio.Future[Result]:
        """Call `load` in a thread of its own. Raises LoadsHangError."""
        if self._running >= MOST_THREADS:
            raise LoadsHangError(f"{self._running} loads hang; start this process anew")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._begin()
        thread = threading.Thread(
            target=self._call, args=(load, loop, future), name="loading", daemon=True
        )
        thread.start()
        return future

    def _call(
        self,
        load: Callable[[], Result],
        loop: asyncio.AbstractEventLoop,
        future: asyncio.Future[Result],
    ) -> None:
        settle: Callable[[], None]
        try:
            result = load()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the waiting side must hear it
            reason = error if isinstance(error, Exception) else RuntimeError(repr(error))
            settle = lambda: _fail(future, reason)  # noqa: E731
        else:
            settle = lambda: _succeed(future, result)  # noqa: E731
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(self._end, settle)

    def _begin(self) -> None:
        self._running += 1
        sys.setswitchinterval(_SWITCH_SECONDS)

    def _end(self, settle: Callable[[], None]) -> None:
        self._running -= 1
        if not self._running:
            sys.setswitchinterval(self._usual)
        settle()


def _succeed(future: asyncio.Future[Result], result: Result) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Result], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
