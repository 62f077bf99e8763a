"""What callers ask of serving: describe a deployment, predict."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from services.serving.domain import ids as naming
from services.serving.domain.drafts import Draft
from services.serving.domain.errors import (
    ExplainNotAvailableError,
    InvalidRowsError,
    TooManyRowsError,
    UnknownDeploymentError,
)
from services.serving.domain.rows import Shape
from services.serving.domain.table import Deployment, Live, Table
from services.serving.metrics import INTERNAL, Dialect, ServingMetrics
from services.serving.operations.access import check_access, check_installation_access
from services.serving.operations.calls import PLAIN, Asked, Options
from services.serving.operations.cards import Card, card_of, live_of
from services.serving.operations.entrance import Entrance
from services.serving.operations.limiting import Allowance, Limiting, counted
from services.serving.operations.new_ids import NewIds
from services.serving.operations.paying import paying
from services.serving.operations.replies import Answer, Answers
from services.serving.operations.scoring import Limits, Scorer
from services.serving.operations.settling import Settling
from services.serving.ports import Log
from understudy.contracts.refusals import Fault, FieldError, Refusal, json_pointer
from understudy.contracts.vocabulary import AccessLevel, Scope
from understudy.runtime.http import STATUS
from understudy.runtime.keys import Caller, ForbiddenError, KeyRing, UnauthenticatedError

Welcome = tuple[Deployment, Live, Allowance | None]
"""What a request that is let in has to do with."""
Standing = tuple[KeyRing, Table]
"""What decides who may ask what: another one, and everybody is looked up anew."""


class Serving:
    """The operations behind every dialect and page."""

    def __init__(
        self,
        *,
        keys: Callable[[], KeyRing],
        log: Log,
        metrics: ServingMetrics,
        limits: Limits,
        limiting: Limiting | None = None,
    ) -> None:
        self._entrance = Entrance(keys, limiting)
        self.uses = self._entrance.uses
        self._metrics = metrics
        self._limits = limits
        self._settling = Settling(log, metrics, limits.rows)
        self._scorer = Scorer(limits, self._settling.settle, self._settling.fail, metrics.spent)
        self._new_ids = NewIds()
        self._table = Table()
        self.asleep: frozenset[str] = frozenset()
        """Deployments whose model is not in memory: `awaken` has it loaded."""
        self.wake: Callable[[str], Awaitable[Live]] | None = None
        """Set by whoever puts models to sleep."""

    @property
    def table(self) -> Table:
        """Replaced as a whole, by one assignment, when a release is taken up."""
        return self._table

    @table.setter
    def table(self, table: Table) -> None:
        self._table = table
        self.asleep = table.asleep
        # The lines of others would keep models in memory that were let go.
        self._scorer.keep(table.awake)

    @property
    def standing(self) -> Standing:
        """The keys and the table of this moment."""
        return self._entrance.keys, self._table

    def describe(self, deployment: str) -> Card:
        """What the deployment takes and answers. Raises UnknownDeploymentError."""
        found = self._table.find(deployment)
        if found is None:
            raise UnknownDeploymentError(deployment)
        return card_of(found)

    def admit(self, deployment: str, key: str | None) -> Card:
        """`describe`, for those who may ask the deployment for predictions."""
        return card_of(self._admit(deployment, key, Scope.PREDICT))

    def signature(self, deployment: str, *, key: str | None) -> Card:
        """`describe`, for those who may read or predict."""
        return card_of(self._admit(deployment, key, Scope.READ, Scope.PREDICT))

    def admit_to_predict(self, deployment: str, key: str | None) -> tuple[Deployment, Live]:
        """The deployment and the release that answers, for those who may ask it."""
        found = self._admit(deployment, key, Scope.PREDICT)
        return found, live_of(found)

    def welcome(self, deployment: str, key: str | None) -> Welcome:
        """`admit_to_predict`, and what the caller may still ask; None: as much as anybody can."""
        found = self._table.find(deployment)
        found, allowance = self._entrance.let_in(found, deployment, key, Scope.PREDICT)
        return found, live_of(found), allowance

    def allowance(
        self, deployment: str, key: str | None, *scopes: Scope, public: bool = True
    ) -> Allowance | None:
        """What somebody may still ask who may ask at all. Raises Refusal subclasses."""
        found = self._table.find(deployment)
        return self._entrance.let_in(found, deployment, key, *scopes, public=public)[1]

    async def awaken(self, deployment: str, key: str | None) -> None:
        """Have a model in memory for those who may ask it. Raises NotLoadedError after a while."""
        if deployment in self.asleep and self.wake is not None:
            self._admit(deployment, key, Scope.PREDICT)
            await self.wake(deployment)

    def reachable(self, key: str | None, *scopes: Scope) -> list[str]:
        """The deployments that the caller may use with one of the scopes, by name.

        Raises UnauthenticatedError for a key that is not valid, and for none where nothing is
        public.
        """
        caller = None if key is None else self._caller(key)
        names = sorted(found.name for found in self._table if _open_to(found, caller, scopes))
        if caller is None and not names:
            self._caller(None)
        return names

    def admit_to_tell(self, deployment: str, key: str | None, scope: Scope) -> Card:
        """`describe`, for those who may tell something of predictions: never without a key."""
        return card_of(self._admit(deployment, key, scope, public=False))

    @property
    def most_rows(self) -> int:
        """How many rows one request may hold."""
        return self._limits.rows

    def check_items(self, what: str, items: int) -> None:
        """Raises TooManyRowsError beyond the limit."""
        if items > self._limits.rows:
            raise TooManyRowsError(_too_many(what, items, self._limits.rows))

    def check_installation_access(self, scope: Scope, *, key: str | None) -> None:
        """Raises unless the key carries the scope for the whole installation."""
        check_installation_access(self._caller(key), scope)

    async def enter(
        self,
        deployment: str,
        key: str | None,
        tell: Callable[[Allowance], None] | None = None,
    ) -> Welcome:
        """`welcome`, with the request counted and the model in memory. Raises Refusal subclasses.

        `tell` hears of the allowance, whether or not the request is refused by it.
        """
        await self.awaken(deployment, key)
        welcome = self.welcome(deployment, key)
        await _count(welcome[2], tell)
        return welcome

    async def count(self, key: str | None, tell: Callable[[Allowance], None] | None = None) -> None:
        """Count a request that asks no deployment, if its key is one, and limited."""
        with contextlib.suppress(UnauthenticatedError):
            await _count(None if key is None else self._entrance.allowance(key), tell)

    async def predict(
        self,
        deployment: str,
        rows: Sequence[Mapping[str, object]],
        *,
        key: str | None,
        ids: Sequence[str] | None = None,
        shape: Shape = Shape.ONE,
        dialect: Dialect = Dialect.JSON,
        options: Options = PLAIN,
    ) -> list[Answer]:
        """`enter`, then `predict_for`. Raises Refusal subclasses, which are counted."""
        try:
            welcome = await self.enter(deployment, key)
            return await self.predict_for(
                welcome, rows, ids=ids, shape=shape, dialect=dialect, options=options
            )
        except Refusal as refusal:
            self.note_refusal(deployment, refusal)
            raise

    async def predict_for(
        self,
        welcome: Welcome,
        rows: Sequence[Mapping[str, object]],
        *,
        ids: Sequence[str] | None = None,
        shape: Shape = Shape.ONE,
        dialect: Dialect = Dialect.JSON,
        options: Options = PLAIN,
    ) -> list[Answer]:
        """Answer rows of whoever was let in with the main version; raises Refusal subclasses.

        InvalidRowsError has pointers into the body as it was sent, by its `shape`.
        """
        found, live, allowance = welcome
        require_available(options)
        self.check_rows(len(rows), shape)
        draft = self.read(found, live, rows, shape)
        reply: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()
        asked = Asked(draft.cells, ids or (), dialect, reply, shape, draft, options=options)
        self.answer(found, live, asked, allowance)
        return [*await reply]

    def check_rows(self, rows: int, shape: Shape) -> None:
        """Raises InvalidRowsError when there are none, TooManyRowsError beyond the limit."""
        if not rows:
            raise InvalidRowsError(
                "rows: must hold at least one row",
                FieldError(json_pointer(*shape.place()), "must not be empty"),
            )
        self.check_items("rows", rows)

    def read(
        self, found: Deployment, live: Live, rows: Sequence[Mapping[str, object]], shape: Shape
    ) -> Draft:
        """Rows as the release's policy has them. Raises InvalidRowsError."""
        try:
            return live.main.plan.read(rows, live.policy, shape)
        except InvalidRowsError as refusal:
            self._metrics.guarded(found.name, refusal.hits)
            raise

    def answer(
        self, found: Deployment, live: Live, asked: Asked, allowance: Allowance | None = None
    ) -> None:
        """Have rows that were read answered, and logged; those that are count for the allowance.

        The reply gets Answers, or a Refusal. Raises InvalidPredictionIdError, BusyError, and what
        the allowance refuses.
        """
        if asked.ids:
            naming.check_ids(asked.ids, len(asked.cells))
        else:
            asked.ids = self._new_ids.made(len(asked.cells))
        asked.since = time.perf_counter()
        if allowance is None or allowance.predictions is None:
            self._scorer.ask(found, live, asked)
        else:
            paying(allowance.predictions, asked, partial(self._scorer.ask, found, live))

    def note_refusal(self, deployment: str | None, why: Refusal | None) -> None:
        """Count a request that was turned down; None for a failure that nobody foresaw."""
        # A caller's free text must not become a series.
        known = deployment if deployment in self._table.deployments else None
        code, fault = (INTERNAL, Fault.FAILED) if why is None else (why.code, why.fault)
        self._metrics.refused(known or "", code, STATUS[fault])

    def close(self) -> None:
        """Forget calls that have not begun."""
        self._scorer.close()
        self._settling.close()

    def _admit(self, name: str, key: str | None, *scopes: Scope, public: bool = True) -> Deployment:
        found = self._table.find(name)
        return self._entrance.let_in(found, name, key, *scopes, public=public)[0]

    def _caller(self, key: str | None) -> Caller:
        return self._entrance.caller(key)


async def _count(allowance: Allowance | None, tell: Callable[[Allowance], None] | None) -> None:
    if allowance is not None:
        if tell is not None:
            tell(allowance)
        await counted(allowance.ask())


def require_available(options: Options) -> None:
    """Raises ExplainNotAvailableError."""
    if options.explain:
        raise ExplainNotAvailableError


def _open_to(found: Deployment, caller: Caller | None, scopes: Sequence[Scope]) -> bool:
    if found.access is AccessLevel.PUBLIC:
        return True
    try:
        return caller is not None and bool(check_access(found, found.name, caller, scopes))
    except (UnknownDeploymentError, ForbiddenError):
        return False


def _too_many(what: str, found: int, most: int) -> str:
    return f"The request holds {found} {what}; at most {most} are taken at once. Split it."
