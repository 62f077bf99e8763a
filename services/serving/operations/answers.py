"""What callers ask of serving: describe a deployment, predict."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from services.serving.domain import ids as naming
from services.serving.domain.drafts import Draft
from services.serving.domain.errors import (
    ExplainNotAvailableError,
    InvalidRowsError,
    LogFullError,
    LowConfidenceError,
    NotLoadedError,
    TooManyRowsError,
    UnknownDeploymentError,
)
from services.serving.domain.rows import Shape
from services.serving.domain.table import Deployment, Live, Table
from services.serving.metrics import INTERNAL, Dialect, ServingMetrics
from services.serving.operations.access import check_access, check_installation_access
from services.serving.operations.calls import PLAIN, Asked, Call, Failure, Options
from services.serving.operations.entrance import Entrance
from services.serving.operations.failed_rows import FailedRows
from services.serving.operations.guarding import needs_ruling, ruled
from services.serving.operations.limiting import Allowance, Limiting, counted
from services.serving.operations.new_ids import NewIds
from services.serving.operations.replies import Answer, Answers, answers_of, logged_as
from services.serving.operations.scoring import Limits, Scorer
from services.serving.ports import Log
from understudy.contracts.policy import Policy
from understudy.contracts.refusals import Fault, FieldError, Refusal, json_pointer
from understudy.contracts.serving import LabelStatus
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import AccessLevel, Scope
from understudy.runtime.http import STATUS
from understudy.runtime.keys import Caller, ForbiddenError, KeyRing


@dataclass(frozen=True, slots=True)
class Card:
    """What a page or a description of the interface shows of a deployment."""

    name: str
    description: str
    access: AccessLevel
    model: str
    version: int
    signature: Signature
    policy: Policy = field(default_factory=Policy)


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
        self._log = log
        self._metrics = metrics
        self._limits = limits
        self._scorer = Scorer(limits, self._settle, self._fail, metrics.spent)
        self._failed = FailedRows(log, metrics, limits.rows)
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
        return _card(found)

    def admit(self, deployment: str, key: str | None) -> Card:
        """`describe`, for those who may ask the deployment for predictions."""
        return _card(self._admit(deployment, key, Scope.PREDICT))

    def signature(self, deployment: str, *, key: str | None) -> Card:
        """`describe`, for those who may read or predict."""
        return _card(self._admit(deployment, key, Scope.READ, Scope.PREDICT))

    def admit_to_predict(self, deployment: str, key: str | None) -> tuple[Deployment, Live]:
        """The deployment and the release that answers, for those who may ask it."""
        found = self._admit(deployment, key, Scope.PREDICT)
        return found, _live(found)

    def welcome(self, deployment: str, key: str | None) -> Welcome:
        """`admit_to_predict`, and what the caller may still ask; None: as much as anybody can."""
        found = self._table.find(deployment)
        found, allowance = self._entrance.let_in(found, deployment, key, Scope.PREDICT)
        return found, _live(found), allowance

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
        return _card(self._admit(deployment, key, scope, public=False))

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
        """Answer rows with the main version; raises Refusal subclasses.

        InvalidRowsError has pointers into the body as it was sent, by its `shape`.
        """
        try:
            await self.awaken(deployment, key)
            found, live, allowance = self.welcome(deployment, key)
            if allowance is not None:
                await counted(allowance.ask())
            require_available(options)
            self.check_rows(len(rows), shape)
            draft = self.read(found, live, rows, shape)
            if allowance is not None:
                await counted(allowance.predict(len(rows)))
            reply: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()
            asked = Asked(draft.cells, ids or (), dialect, reply, shape, draft, options=options)
            self.answer(found, live, asked)
            return [*await reply]
        except Refusal as refusal:
            self.note_refusal(deployment, refusal)
            raise

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

    def answer(self, found: Deployment, live: Live, asked: Asked) -> None:
        """Have rows that were read answered, and logged.

        The reply gets Answers, or a Refusal. Raises InvalidPredictionIdError, BusyError.
        """
        if asked.ids:
            naming.check_ids(asked.ids, len(asked.cells))
        else:
            asked.ids = self._new_ids.made(len(asked.cells))
        asked.since = time.perf_counter()
        self._scorer.ask(found, live, asked)

    def note_refusal(self, deployment: str | None, why: Refusal | None) -> None:
        """Count a request that was turned down; None for a failure that nobody foresaw."""
        # A caller's free text must not become a series.
        known = deployment if deployment in self._table.deployments else None
        code, fault = (INTERNAL, Fault.FAILED) if why is None else (why.code, why.fault)
        self._metrics.refused(known or "", code, STATUS[fault])

    def close(self) -> None:
        """Forget calls that have not begun."""
        self._scorer.close()
        self._failed.close()

    def _admit(self, name: str, key: str | None, *scopes: Scope, public: bool = True) -> Deployment:
        found = self._table.find(name)
        return self._entrance.let_in(found, name, key, *scopes, public=public)[0]

    def _caller(self, key: str | None) -> Caller:
        return self._entrance.caller(key)

    def _settle(self, call: Call) -> None:
        """A call's rows go to the log; the replies wait for it as its durability asks."""
        if needs_ruling(call):
            call, refused = ruled(call)
            self._turn_down(call, refused)
            if not call.asked:
                return
        kept = self._log.predictions(logged_as(call))
        if kept is None:
            self._reply(call)
        else:
            kept.add_done_callback(lambda done: self._reply(call) if done.result() else _lost(call))

    def _turn_down(self, call: Call, refused: Sequence[tuple[Asked, LowConfidenceError]]) -> None:
        """Refuse what a guard rule refuses; count what rules caught."""
        name = call.deployment.name
        for asked, refusal in refused:
            self._metrics.guarded(name, refusal.hits)
            if not asked.reply.done():
                asked.reply.set_exception(refusal)
        for asked in call.asked:
            self._metrics.guarded(name, asked.ruling.hits)
            if asked.draft is not None:
                self._metrics.coerced(name, asked.draft.coercions)

    def _reply(self, call: Call) -> None:
        """Let all replies of a call go."""
        now = call.live.main.use.at = time.perf_counter()
        for asked, answers in answers_of(call):
            if asked.protected:
                told = sum(map(bool, asked.protected))
                self._metrics.protected(call.deployment.name, LabelStatus.ACCEPTED, told)
            if not asked.reply.done():  # else the caller went away
                asked.reply.set_result(answers)
        self._metrics.answered(
            call.deployment.name,
            call.live.main.version,
            [(asked.dialect, len(asked.cells), now - asked.since) for asked in call.asked],
        )

    def _fail(self, failure: Failure) -> None:
        asked, version = failure.asked, failure.live.main.version
        self._metrics.failed(failure.deployment.name, version, asked.dialect, len(asked.cells))
        self._failed.note(failure)


def require_available(options: Options) -> None:
    """Raises ExplainNotAvailableError."""
    if options.explain:
        raise ExplainNotAvailableError


def _lost(call: Call) -> None:
    """The log can't keep the rows, so the answers must not be given."""
    for asked in call.asked:
        if not asked.reply.done():
            asked.reply.set_exception(LogFullError())


def _live(found: Deployment) -> Live:
    if found.live is None:
        raise NotLoadedError(found.name, failed=found.failure is not None)
    return found.live


def _open_to(found: Deployment, caller: Caller | None, scopes: Sequence[Scope]) -> bool:
    if found.access is AccessLevel.PUBLIC:
        return True
    try:
        return caller is not None and bool(check_access(found, found.name, caller, scopes))
    except (UnknownDeploymentError, ForbiddenError):
        return False


def _card(found: Deployment) -> Card:
    version, signature, policy = _answering(found)
    return Card(
        found.name, found.description, found.access, found.model, version, signature, policy
    )


def _answering(found: Deployment) -> tuple[int, Signature, Policy]:
    """What can be said of the release that answers, whether or not its model is in memory."""
    if (asleep := found.asleep) is not None:
        return asleep.version, asleep.signature, asleep.policy
    live = _live(found)
    return live.main.version, live.main.signature, live.policy


def _too_many(what: str, found: int, most: int) -> str:
    return f"The request holds {found} {what}; at most {most} are taken at once. Split it."
