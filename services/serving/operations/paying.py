"""Rows that count for a key's quota: only those that are answered."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from services.serving.operations.calls import Asked, Reply
from services.serving.operations.purses import Purse

_T = TypeVar("_T")


class _Paid:
    """A reply whose tokens are put back when it is refused."""

    __slots__ = ("_day", "_purse", "_reply", "_tokens", "done", "set_result")

    def __init__(self, purse: Purse, tokens: int, reply: Reply) -> None:
        self._purse = purse
        self._day = purse.day
        self._tokens = tokens
        self._reply = reply
        # Those of the reply itself: a way round costs as much as what it does.
        self.done = reply.done
        self.set_result = reply.set_result

    def set_exception(self, error: Exception, /) -> None:
        """Refused."""
        self.put_back()
        self._reply.set_exception(error)

    def put_back(self) -> None:
        """Nothing was answered."""
        self._purse.put_back(self._tokens, self._day)


def paying(purse: Purse, asked: Asked, go_on: Callable[[Asked], None]) -> None:
    """Go on when there are tokens for the rows. Raises, or the reply gets, what refuses them."""
    taken = purse.take(len(asked.cells))
    if taken is None:
        _paid(purse, asked, go_on)
    else:
        once(taken, asked.reply, lambda _taken: _paid(purse, asked, go_on))


def _paid(purse: Purse, asked: Asked, go_on: Callable[[Asked], None]) -> None:
    asked.reply = reply = _Paid(purse, len(asked.cells), asked.reply)
    try:
        go_on(asked)
    except Exception:
        reply.put_back()
        raise


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
