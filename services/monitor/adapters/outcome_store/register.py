"""Which tenure rows belong to, while one delivery is taken up."""

from sqlalchemy import Connection

from services.monitor.adapters.outcome_store.account import enter
from services.monitor.domain.outcomes.arriving import Said
from services.monitor.domain.outcomes.facts import Incoming
from services.monitor.domain.outcomes.tenures import Tenure, tenure


class Register:
    """The book of a deployment, which must be locked. The present tenure is entered at once."""

    def __init__(
        self,
        connection: Connection,
        deployment: int,
        book: dict[int, Tenure],
        incoming: Incoming,
    ) -> None:
        self._connection = connection
        self._deployment = deployment
        self._incoming = incoming
        self.book = book
        """By number."""
        self._number(incoming.release, incoming.main)

    def number(self, said: Said) -> int:
        """Of the tenure in which a main said it."""
        return self._number(said.release, said.version)

    def _number(self, release: int, main: int) -> int:
        found = tenure(self.book.values(), self._incoming, release, main)
        return enter(self._connection, self._deployment, self.book, found)
