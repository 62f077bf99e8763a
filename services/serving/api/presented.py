"""What a request presents before its body, and whoever presents it over one connection."""

import hmac
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from weakref import ref

from services.serving.domain.ids import well_formed
from services.serving.operations.answers import Standing, Welcome
from services.serving.operations.limiting import Allowance
from understudy.runtime.keys import RepeatedKeyError, bearer, one_key

_WELCOME_SECONDS: Final = 1.0
_DIGITS: Final = 19
"""A declared length with as many is no length."""
_MIXED_UP: Final = b"\n"
"""In place of credentials when a header that holds them stands twice and differs."""


@dataclass(slots=True, eq=False)
class Presented:
    """What a request says of itself before its body."""

    credentials: bytes
    """The key, or what `Authorization` holds; or both, as lines."""
    is_key: bool
    request_id: str
    """Empty when there is none that is well-formed."""
    query: bytes
    length: int
    """Of the body, as far as it is declared."""
    headers: Mapping[bytes, bytes]
    """The last of each name."""
    since: float
    """When it came, by `time.perf_counter`."""
    allowance: Allowance | None = None
    """What the key may still ask, when it was looked up and has limits."""

    @classmethod
    def of(cls, headers: Sequence[tuple[bytes, bytes]], query: bytes) -> "Presented":
        """In one pass over the headers; names are in lower case."""
        told = dict(headers)
        key, length = told.get(b"x-api-key", b""), told.get(b"content-length", b"")
        request_id = ""
        if b"x-request-id" in told:
            request_id = str(told[b"x-request-id"], "latin-1")
            request_id = request_id if well_formed(request_id) else ""
        declared = int(length) if length.isdigit() and len(length) < _DIGITS else 0
        authorization = told.get(b"authorization", b"")
        if key and authorization:
            credentials = b"%b\n%b" % (key, authorization)
        else:
            credentials = key or authorization
        if len(told) != len(headers) and _mixed_up(headers, told):
            credentials = _MIXED_UP
        since = time.perf_counter()
        return cls(credentials, bool(key), request_id, query, declared, told, since)

    def text(self, name: bytes) -> str:
        """A header; empty when there is none of that name."""
        return str(self.headers.get(name, b""), "latin-1")

    @property
    def key(self) -> str | None:
        """The API key. Raises UnauthenticatedError when two headers hold different ones."""
        if self.credentials == _MIXED_UP:
            raise RepeatedKeyError
        text = str(self.credentials, "latin-1")
        if not self.is_key:
            return bearer(text)
        key, _, authorization = text.partition("\n")
        return one_key(key, authorization)


def _mixed_up(headers: Sequence[tuple[bytes, bytes]], told: Mapping[bytes, bytes]) -> bool:
    return any(
        name in {b"x-api-key", b"authorization"} and told[name] != value for name, value in headers
    )


class Visitor:
    """Whoever asks over one connection, and was let in before.

    The same key for the same deployment is only compared while keys and releases are the same, and
    for a second at most, so that a key that expires is noticed. An idle connection keeps no table,
    and so no model, in memory.
    """

    __slots__ = (
        "_allowance",
        "_credentials",
        "_deployment",
        "_is_key",
        "_keys",
        "_table",
        "_until",
    )

    def __init__(self) -> None:
        self._until = 0.0

    def welcome(
        self, deployment: str, presented: Presented, standing: Standing, now: float
    ) -> Welcome | None:
        """The deployment that was open to the same request just now."""
        if now >= self._until or deployment != self._deployment:
            return None
        keys, table = standing
        unchanged = self._keys() is keys and self._table() is table
        same = hmac.compare_digest(presented.credentials, self._credentials)
        if not (unchanged and same and presented.is_key is self._is_key):
            return None
        found = table.deployments[deployment]
        return None if found.live is None else (found, found.live, self._allowance)

    def note(self, deployment: str, presented: Presented, standing: Standing, now: float) -> None:
        """Let in by the keys and releases of that moment."""
        self._deployment, self._keys, self._table = deployment, ref(standing[0]), ref(standing[1])
        self._credentials, self._is_key = presented.credentials, presented.is_key
        self._allowance = presented.allowance
        self._until = now + _WELCOME_SECONDS
