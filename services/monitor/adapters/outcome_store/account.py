"""A deployment's own row: who holds it is the deployment's only writer."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, Row, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from services.monitor.adapters.outcome_store.bulk import add_unless_there
from services.monitor.adapters.outcome_store.tables import deployments, tenures
from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.outcomes.facts import Standing
from services.monitor.domain.outcomes.tenures import Tenure
from understudy.contracts.signature import Target
from understudy.contracts.vocabulary import LossName, Task


@dataclass(frozen=True, slots=True)
class Account:
    """What is kept of a deployment beside facts and tallies."""

    number: int
    target: Target
    newest: float
    """When the newest prediction was made."""
    revision: int
    """How often facts were taken up."""
    expired_before: float
    standing: Standing

    @property
    def waiting(self) -> bool:
        """Whether there are facts that wait for their prediction."""
        standing = self.standing
        return bool(standing.parked or standing.parked_pairs or standing.parked_protected)


def names(connection: Connection) -> list[str]:
    """Of all deployments that anything is kept of."""
    named = select(deployments.c.name).distinct().order_by(deployments.c.name)
    return [*connection.execute(named).scalars()]


def find_account(connection: Connection, name: str) -> Account | None:
    """None while nothing is known of the deployment; the newest that was ever called so."""
    statement = select(deployments).where(deployments.c.name == name)
    newest = statement.order_by(deployments.c.first_release.desc()).limit(1)
    found = connection.execute(newest).first()
    return None if found is None else _account(found)


def find_numbered(connection: Connection, number: int) -> Account | None:
    """The account of that number."""
    found = connection.execute(select(deployments).where(deployments.c.number == number)).first()
    return None if found is None else _account(found)


def account_numbers(connection: Connection, name: str) -> Sequence[int]:
    """Of all deployments that were ever called so."""
    statement = select(deployments.c.number).where(deployments.c.name == name)
    return connection.execute(statement.order_by(deployments.c.number)).scalars().all()


def lock_account(connection: Connection, number: int) -> Account | None:
    """For the only one that may change it until the transaction ends."""
    return _locked(connection, deployments.c.number == number)


def open_account(connection: Connection, name: str, first_release: int, target: Target) -> Account:
    """The deployment's row, locked; made when there is none."""
    here = (deployments.c.name == name) & (deployments.c.first_release == first_release)
    found = _locked(connection, here)
    if found is None:
        number, never = _next_number(connection), float("-inf")
        standing = _standing_out(Standing())
        row = (number, name, first_release, _target_out(target), never, 0, never, standing)
        add_unless_there(connection, deployments, [row])
        found = _locked(connection, here)
    if found is None:  # another one has just taken the number for a deployment of its own
        return open_account(connection, name, first_release, target)
    return found


def save_account(connection: Connection, account: Account) -> None:
    """Write back what may change."""
    connection.execute(
        update(deployments)
        .where(deployments.c.number == account.number)
        .values(
            target=_target_out(account.target),
            newest=account.newest,
            revision=account.revision,
            expired_before=account.expired_before,
            standing=_standing_out(account.standing),
        )
    )


def read_book(connection: Connection, deployment: int) -> dict[int, Tenure]:
    """All tenures that rows of the deployment were taken up under, by number."""
    found = connection.execute(select(tenures).where(tenures.c.deployment == deployment))
    return {row.number: _tenure(row) for row in found}


def enter(connection: Connection, deployment: int, book: dict[int, Tenure], wanted: Tenure) -> int:
    """The number of a tenure; a new one is written down. The deployment must be locked."""
    for number, held in book.items():
        if held == wanted:
            return number
    number = len(book) + 1
    connection.execute(
        insert(tenures).values(
            deployment=deployment,
            number=number,
            release=wanted.release,
            main=wanted.main,
            stated=int(wanted.stated),
            body=json.dumps(asdict(wanted.terms)),
        )
    )
    book[number] = wanted
    return number


def _locked(connection: Connection, here: ColumnElement[bool]) -> Account | None:
    found = connection.execute(select(deployments).where(here).with_for_update()).first()
    return None if found is None else _account(found)


def _next_number(connection: Connection) -> int:
    newest = select(deployments.c.number).order_by(deployments.c.number.desc()).limit(1)
    return (connection.execute(newest).scalar() or 0) + 1


def _account(row: Row[tuple[object, ...]]) -> Account:
    standing = Standing(**json.loads(row.standing))
    return Account(
        number=row.number,
        target=_target_in(row.target),
        newest=row.newest,
        revision=row.revision,
        expired_before=row.expired_before,
        standing=standing,
    )


def _standing_out(standing: Standing) -> str:
    return json.dumps(asdict(standing))


def _target_out(target: Target) -> str:
    return json.dumps({"name": target.name, "task": target.task, "classes": target.classes})


def _target_in(body: str) -> Target:
    held = json.loads(body)
    return Target(held["name"], Task(held["task"]), tuple(held["classes"]))


def _tenure(row: Row[tuple[object, ...]]) -> Tenure:
    return Tenure(row.release, row.main, _terms_in(json.loads(row.body)), bool(row.stated))


def _terms_in(body: dict[str, object]) -> Terms:
    return Terms(**{**body, "loss": LossName(str(body["loss"]))})  # type: ignore[arg-type]
