"""The child of `process`: `python -m … SOCKET PARENT`. Loads one challenger and answers entries.

It has no key, no Redis and no network of ours. Whatever a model does here ends with this process.
"""

import contextlib
import os
import socket
import sys
import warnings
from typing import Final

from services.serving.adapters.scoring.answers import answer
from services.serving.adapters.scoring.frames import (
    ASKS,
    LENGTH_BYTES,
    Ask,
    Begin,
    Beside,
    Exhausted,
    Ready,
    Refused,
    Reply,
    Score,
    frame,
    length_of,
)
from services.serving.adapters.scoring.limits import die_with, limit_memory, lower_priority
from services.serving.adapters.scoring.models import Model, Open, load, open_runner
from services.serving.adapters.scoring.pairs import MOST_ERROR
from services.serving.adapters.scoring.timing import Timing

_OUT_OF_MEMORY: Final = "MemoryError: it needs more memory than a challenger may take"


class Child:
    """What one child process holds."""

    def __init__(self, opened: Open) -> None:
        self._open = opened
        self._challenger: Model | None = None
        self._timing: Timing | None = None
        self._ratio = 0.0

    def reply(self, ask: Ask) -> Reply:
        """Do as asked. Raises MemoryError alone."""
        match ask:
            case Begin():
                return self._begin(ask)
            case Beside():
                return self._beside(ask)
            case Score():
                if self._challenger is None:
                    raise RuntimeError("a child is begun first")
                return answer(self._challenger, ask.entries, self._timing if ask.timed else None)

    def _begin(self, ask: Begin) -> Reply:
        lower_priority(ask.nice)
        limit_memory(ask.memory_bytes)
        self._ratio = ask.timed_ratio
        try:
            self._challenger = load(ask.challenger, self._open)
        except MemoryError:
            return Refused(_OUT_OF_MEMORY)
        except Exception as error:  # noqa: BLE001 - whatever stood in the way is the answer
            return Refused(_words(error))
        return Ready(self._challenger.row_seconds())

    def _beside(self, ask: Beside) -> Reply:
        self._timing = None
        try:
            main = load(ask.main, self._open)
            seconds = main.row_seconds()
        except Exception as error:  # noqa: BLE001 - no timing then
            return Refused(_words(error))
        self._timing = Timing(main, self._ratio)
        return Ready(seconds)


def main(opened: Open = open_runner) -> None:
    """Answer until the parent is gone."""
    connection, parent = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    die_with(parent)
    warnings.simplefilter("ignore")
    child = Child(opened)
    with connection:
        while (ask := _read(connection)) is not None:
            try:
                reply = child.reply(ask)
            except MemoryError:
                reply = Exhausted()
            with contextlib.suppress(BrokenPipeError):
                connection.sendall(frame(reply))
            if isinstance(reply, Exhausted):
                # What is left of the memory may be in pieces; a model's threads may be stuck.
                os._exit(1)


def _read(connection: socket.socket) -> Ask | None:
    head = _receive(connection, LENGTH_BYTES)
    body = _receive(connection, length_of(head)) if head else None
    return None if body is None else ASKS.decode(body)


def _receive(connection: socket.socket, count: int) -> bytes | None:
    """So many bytes; None when the parent has gone."""
    data = bytearray(count)
    view, got = memoryview(data), 0
    while got < count:
        read = connection.recv_into(view[got:])
        if read == 0:
            return None
        got += read
    return bytes(data)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:MOST_ERROR]


if __name__ == "__main__":
    main()
