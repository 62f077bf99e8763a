"""One service over HTTP: the key, the deadline, bounded retries, and answers read into bodies."""

import random
import time
import uuid
from collections.abc import Collection, Iterable, Mapping
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from understudy.client.errors import UnexpectedAnswerError, UnreachableError, failure_of
from understudy.contracts.registry import Page

Answer = TypeVar("Answer")
Item = TypeVar("Item", bound=BaseModel)

_REPEATABLE: Final = frozenset({"GET", "HEAD"})
_IDEMPOTENCY_KEY: Final = "Idempotency-Key"
_PAGE_SIZE: Final = 100
_JSON: Final = {"Content-Type": "application/json"}

Params = Mapping[str, str | int]


class Connection:
    """What the typed clients share. A read is tried again when the connection fails.

    A write may have been applied although its answer was lost. It is tried again only where the
    service knows it by an `Idempotency-Key`; elsewhere the caller alone can tell.
    """

    idempotent: bool = False
    """Whether the service takes an `Idempotency-Key` with a POST."""
    service: str = "service"
    setting: str = "--url"
    """Where a person gives the address, named when nobody answers there."""

    def __init__(
        self,
        url: str,
        key: str | httpx.Auth | None = None,
        *,
        timeout_seconds: float = 10.0,
        tries: int = 3,
        traceparent: str | None = None,
    ) -> None:
        """`key`: an API key, or `client.oauth.ClientCredentials`.

        `traceparent`: the W3C Trace Context that all requests are part of.
        """
        auth = key if isinstance(key, httpx.Auth) else None
        headers = {"Authorization": f"Bearer {key}"} if key and auth is None else {}
        if traceparent is not None:
            headers["traceparent"] = traceparent
        self._http = httpx.Client(base_url=url, headers=headers, auth=auth, timeout=timeout_seconds)
        self._tries = tries
        self.url = url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, answer: type[Answer], params: Params | None = None) -> Answer:
        """Read one body."""
        return self.read(self.ask("GET", path, params=params), answer)

    def post(self, path: str, body: BaseModel, answer: type[Answer]) -> Answer:
        """Send one body, read the other."""
        return self.read(self.send(path, body), answer)

    def send(self, path: str, body: BaseModel, **headers: str) -> httpx.Response:
        """POST a body: one change, however often it must be sent."""
        content = body.model_dump_json(exclude_none=True).encode()
        named = {_IDEMPOTENCY_KEY: str(uuid.uuid4())} if self.idempotent else {}
        return self.ask("POST", path, content=content, headers={**_JSON, **named, **headers})

    def pages(self, path: str, item: type[Item], limit: int | None = None) -> tuple[Item, ...]:
        """A whole list, page by page, or its first `limit` items."""
        found: list[Item] = []
        cursor: str | None = None
        while limit is None or len(found) < limit:
            size = _PAGE_SIZE if limit is None else min(_PAGE_SIZE, limit - len(found))
            params: dict[str, str | int] = {"limit": size}
            if cursor is not None:
                params["cursor"] = cursor
            page = self.get(path, Page[item], params)  # type: ignore[valid-type]
            found += page.items
            if page.next_cursor is None or page.next_cursor == cursor:
                break
            cursor = page.next_cursor
        return tuple(found)

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_seconds: float | None = None,
        answers: Collection[int] = (),
    ) -> httpx.Response:
        """Send a request.

        Raises ProblemError on a refusal, UnreachableError on silence, and UnexpectedAnswerError
        when it is somebody else who refuses. With a status of `answers` only a problem refuses.
        """
        request = self._http.build_request(
            method, path, params=params, content=content, headers=headers
        )
        if timeout_seconds is not None:
            request.extensions["timeout"] = httpx.Timeout(timeout_seconds).as_dict()
        answer = self._send(request)
        if answer.is_success or (answer.status_code in answers and not _is_problem(answer)):
            return answer
        raise failure_of(answer, self.service, self.setting)

    def read(self, answer: httpx.Response, kind: type[Answer]) -> Answer:
        """Read an answer's JSON as `kind`."""
        try:
            return TypeAdapter(kind).validate_json(answer.content, extra="ignore")
        except ValidationError as error:
            what = f"{error.error_count()} members of {kind.__name__} do not fit"
            url = str(answer.request.url)
            raise UnexpectedAnswerError(self.service, url, self.setting, what) from error

    def _send(self, request: httpx.Request) -> httpx.Response:
        safe = request.method in _REPEATABLE or _IDEMPOTENCY_KEY in request.headers
        tries = self._tries if safe else 1
        for failures in range(1, tries + 1):
            try:
                answer = self._http.send(request)
                if failures == tries or not _still_answering(answer):
                    return answer
                time.sleep(1.0)  # what it answered to the try before is not lost
            except httpx.TimeoutException as error:
                raise self._unreachable(error) from error
            except httpx.TransportError as error:
                if failures == tries:
                    raise self._unreachable(error) from error
                time.sleep(0.1 * 2.0**failures * random.uniform(0.5, 1.0))  # noqa: S311 - jitter
        raise AssertionError("unreachable: the last try returns or raises")

    def _unreachable(self, error: Exception) -> UnreachableError:
        return UnreachableError(self.service, self.url, self.setting, error)


def _still_answering(answer: httpx.Response) -> bool:
    repeated = _IDEMPOTENCY_KEY in answer.request.headers
    return repeated and answer.status_code == 409 and "Retry-After" in answer.headers


def _is_problem(answer: httpx.Response) -> bool:
    kind: str = answer.headers.get("content-type", "")
    return kind.startswith("application/problem+json")


def segment(name: str | int) -> str:
    """A name as one segment of a path, whatever characters it holds."""
    return quote(str(name), safe="")
