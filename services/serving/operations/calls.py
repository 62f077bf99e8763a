"""Requests on their way to a model, and what came of the call that had them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from services.serving.domain.drafts import Cells, Draft
from services.serving.domain.guards import NO_RULING, Ruling
from services.serving.domain.rows import Shape
from services.serving.domain.table import Deployment, Live
from services.serving.metrics import Dialect
from understudy.inference.rows import Rows
from understudy.inference.scored import Scored


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller asks for beside the answers."""

    confidence: bool = False
    explain: bool = False


PLAIN: Final = Options()
"""Nothing."""


class Reply(Protocol):
    """Who waits for a request's answer: an asyncio.Future, or what looks like one."""

    def done(self) -> bool:
        """Whether nobody waits any more."""

    def set_result(self, answers: Any, /) -> None:
        """Hand over `operations.replies.Answers`."""

    def set_exception(self, error: Exception, /) -> None:
        """Say why there is no answer."""


@dataclass(slots=True, eq=False)
class Asked:
    """One request on its way: rows that were read, their ids, and the reply that waits."""

    cells: Sequence[Cells]
    ids: Sequence[str]
    """Made when the caller brings none."""
    dialect: Dialect
    reply: Reply
    shape: Shape = Shape.ONE
    draft: Draft | None = None
    """Present when there is something to say about the rows."""
    ruling: Ruling = NO_RULING
    """What guard rules make of the answers."""
    since: float = 0.0
    protected: Sequence[Mapping[str, str]] = ()
    """Protected attributes of each row, or none at all: for the log, never for a model."""
    options: Options = PLAIN


@dataclass(slots=True, eq=False)
class Call:
    """What one call of a model answered to several requests."""

    deployment: Deployment
    live: Live
    asked: Sequence[Asked]
    rows: Rows
    scored: Scored
    seconds: float
    at: float = 0.0
    """When its rows went to the log, as the log has it."""


@dataclass(slots=True, eq=False)
class Failure:
    """A request whose rows were not scored."""

    deployment: Deployment
    live: Live
    asked: Asked
    error: BaseException
    seconds: float | None
    """How long the model took to fail; None when it was not the model that failed."""
