"""A deployment's own row: who holds it is the deployment's only writer."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, Row, insert, select, update

from services.monitor.adapters.outcome_store.bulk import add_unless_there
from services.monitor.adapters.outcome_store.tables import deployments, terms
from services.monitor.domain.deciding.terms import Terms
from services.monitor.domain.outcomes.facts import Standing
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
    return [*connection.execute(select(deployments.c.name).order_by(deployments.c.name)).scalars()]


def find_account(connection: Connection, name: str) -> Account | None:
    """None while nothing is known of the deployment."""
    found = connection.execute(select(deployments).where(deployments.c.name == name)).first()
    return None if found is None else _account(found)


def lock_account(connection: Connection, name: str) -> Account | None:
    """The same, for the only one that may change it until the transaction ends."""
    statement = select(deployments).where(deployments.c.name == name).with_for_update()
    found = connection.execute(statement).first()
    return None if found is None else _account(found)


def open_account(connection: Connection, name: str, target: Target) -> Account:
    """The deployment's row, locked; made when there is none."""
    found = lock_account(connection, name)
    if found is None:
        number = _next_number(connection)
        never = float("-inf")
        row = (number, name, _target_out(target), never, 0, never, _standing_out(Standing()))
        add_unless_there(connection, deployments, [row])
        found = lock_account(connection, name)
    if found is None:  # another one has just taken the number for a deployment of its own
        return open_account(connection, name, target)
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


def read_book(connection: Connection, deployment: int) -> dict[int, Terms]:
    """All terms that rows of the deployment were taken up under, by number."""
    found = connection.execute(select(terms).where(terms.c.deployment == deployment))
    return {row.number: _terms_in(json.loads(row.body)) for row in found}


def number_of(
    connection: Connection, deployment: int, book: Mapping[int, Terms], wanted: Terms
) -> int:
    """The number of terms; new ones are written down. The deployment must be locked."""
    body = json.dumps(asdict(wanted))
    for number, held in book.items():
        if held.fingerprint == wanted.fingerprint:
            if held != wanted:
                here = (terms.c.deployment == deployment) & (terms.c.number == number)
                connection.execute(update(terms).where(here).values(body=body))
            return number
    number = len(book) + 1
    connection.execute(insert(terms).values(deployment=deployment, number=number, body=body))
    return number


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


def _terms_in(body: dict[str, object]) -> Terms:
    return Terms(**{**body, "loss": LossName(str(body["loss"]))})  # type: ignore[arg-type]
