"""Rows that count for a key's quota: only those that are answered."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from services.serving.operations.calls import Asked, Reply
from services.serving.operations.purses import Purse

_T = TypeVar("_T")


class _Paid:
    """A reply whose tokens are put back when it is refused."""

    __slots__ = ("_day", "_purse", "_reply", "_tokens")

    def __init__(self, purse: Purse, tokens: int, reply: Reply) -> None:
        self._purse = purse
        self._day = purse.day
        self._tokens = tokens
        self._reply = reply

    def done(self) -> bool:
        """Whether nobody waits any more."""
        return self._reply.done()

    def set_result(self, answers: Any, /) -> None:
        """Answered."""
        self._reply.set_result(answers)

    def set_exception(self, error: Exception, /) -> None:
        """Refused."""
        self.put_back()
        self._reply.set_exception(error)

    def put_back(self) -> None:
        """Nothing was answered."""
        self._purse.put_back(self._tokens, self._day)


def paying(purse: Purse, asked: Asked, go_on: Callable[[Asked], None]) -> None:
    """Go on when there are tokens for the rows. Raises, or the reply gets, what refuses them."""
    rows = len(asked.cells)

    def paid(_taken: None = None) -> None:
        asked.reply = reply = _Paid(purse, rows, asked.reply)
        try:
            go_on(asked)
        except Exception:
            reply.put_back()
            raise

    taken = purse.take(rows)
    if taken is None:
        paid()
    else:
        once(taken, asked.reply, paid)


def once(awaited: asyncio.Future[_T], reply: Reply, go_on: Callable[[_T], None]) -> None:
    """Go on when there is what a request waits for; else the reply has the refusal."""

    def settled(awaited: asyncio.Future[_T]) -> None:
        if reply.done():  # the caller went away, or was told that it takes too long
            return
        try:
            go_on(awaited.result())
        except Exception as error:  # noqa: BLE001 - nobody else stands behind it
            reply.set_exception(error)

    awaited.add_done_callback(settled)
