"""Models and versions with all that MLflow's clients see beside them; and searching for them."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeVar

from services.registry.domain.aliases import alias_of
from services.registry.domain.annotations import MODEL, NO_TAGS, Tags
from services.registry.domain.catalogue import Model
from services.registry.domain.errors import InvalidCursorError, NotFoundError
from services.registry.domain.mlflow_filters import Filter, Order, Terms
from services.registry.domain.mlflow_refusals import AliasUnsetError, SearchTooWideError
from services.registry.domain.mlflow_shown import ShownModel, ShownVersion
from services.registry.domain.paging import Paging, Slice
from services.registry.domain.versions import Version
from services.registry.operations.aliases import Aliases, Book
from services.registry.operations.catalogue import Catalogue
from services.registry.ports.annotations import TagStore
from understudy.contracts.refusals import FieldError
from understudy.contracts.vocabulary import NAME_PATTERN
from understudy.runtime.keys import Caller

Item = TypeVar("Item", ShownModel, ShownVersion)
Listed = TypeVar("Listed")

_PAGE: Final = 1_000
_MOST: Final = 10_000
"""Models or versions that one search looks at."""
_NAME: Final = re.compile(NAME_PATTERN)
_TIMES: Final = frozenset({"creation_timestamp", "last_updated_timestamp"})
MODELS: Final = Terms(frozenset({"name"}), _TIMES, (("name", False),))
VERSIONS: Final = Terms(
    frozenset({"name", "run_id", "source_path"}),
    _TIMES | {"version_number"},
    (("name", False), ("version_number", True)),
)


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for, in which order, and which piece of it."""

    filter: str = ""
    order_by: tuple[str, ...] = ()
    limit: int = 100
    token: str | None = None


class MlflowCatalogue:
    """Reads; the verbs that write are those of everybody else."""

    def __init__(self, catalogue: Catalogue, tags: TagStore, aliases: Aliases) -> None:
        self._catalogue = catalogue
        self._tags = tags
        self._aliases = aliases

    def model(self, caller: Caller, name: str) -> ShownModel:
        """Raises NotFoundError."""
        found = self._catalogue.model(caller, name)
        return self._model(caller, self._aliases.book(caller), found)

    def version(self, caller: Caller, name: str, number: int) -> ShownVersion:
        """Raises NotFoundError."""
        found = self._catalogue.version(caller, name, number)
        tags = self._tags.of_model(name)
        return _version(self._aliases.book(caller), found, tags)

    def by_alias(self, caller: Caller, name: str, alias: str) -> ShownVersion:
        """Raises NotFoundError, AliasNotKnownError or AliasUnsetError."""
        wanted = alias_of(alias)
        self._catalogue.model(caller, name)
        tags = self._tags.of_model(name)
        book = self._aliases.book(caller)
        number = book.of(name, tags.get(MODEL, NO_TAGS)).get(wanted)
        if number is None:
            raise AliasUnsetError(f"No version of model '{name}' is {wanted} now.")
        return _version(book, self._catalogue.version(caller, name, number), tags)

    def models(self, caller: Caller, search: Search) -> Slice[ShownModel]:
        """Raises InvalidFilterError, InvalidCursorError or SearchTooWideError."""
        wanted, book = MODELS.filter(search.filter), self._aliases.book(caller)
        named = _bounded(self._named(caller, wanted))
        every = (self._model(caller, book, model) for model in named)
        return _found((one for one in every if wanted.holds(one.subject)), MODELS, search)

    def versions(self, caller: Caller, search: Search) -> Slice[ShownVersion]:
        """Raises InvalidFilterError, InvalidCursorError or SearchTooWideError."""
        wanted = VERSIONS.filter(search.filter)
        every = _bounded(self._shown(caller, wanted))
        return _found((one for one in every if wanted.holds(one.subject)), VERSIONS, search)

    def _shown(self, caller: Caller, wanted: Filter) -> Iterator[ShownVersion]:
        book = self._aliases.book(caller)
        for model in _bounded(self._named(caller, wanted)):
            tags = self._tags.of_model(model.name)
            for held in self._versions(caller, model.name):
                yield _version(book, held, tags)

    def _model(self, caller: Caller, book: Book, model: Model) -> ShownModel:
        tags = self._tags.of_model(model.name)
        mine = tags.get(MODEL, NO_TAGS)
        newest = self._catalogue.versions(caller, model.name, Paging(1)).items
        latest = _version(book, newest[0], tags) if newest else None
        return ShownModel(model, mine, book.of(model.name, mine), latest)

    def _named(self, caller: Caller, wanted: Filter) -> Iterator[Model]:
        """Models within reach that the filter could hold for."""
        if wanted.name is None:
            every = _all(lambda paging: self._catalogue.models(caller, paging))
            yield from (model for model in every if wanted.may_be_of(model.name))
            return
        if not _NAME.fullmatch(wanted.name):
            return
        with suppress(NotFoundError):
            yield self._catalogue.model(caller, wanted.name)

    def _versions(self, caller: Caller, model: str) -> Iterator[Version]:
        return _all(lambda paging: self._catalogue.versions(caller, model, paging))


def _version(book: Book, version: Version, tags: Mapping[int, Tags]) -> ShownVersion:
    model = version.draft.model
    aliases = book.at(model, tags.get(MODEL, NO_TAGS), version.number)
    return ShownVersion(version, tags.get(version.number, NO_TAGS), aliases)


def _all(page: Callable[[Paging], Slice[Listed]]) -> Iterator[Listed]:
    paging = Paging(_PAGE)
    while True:
        piece = page(paging)
        yield from piece.items
        if piece.next_cursor is None:
            return
        paging = Paging(_PAGE, piece.next_cursor)


def _bounded(every: Iterator[Listed]) -> Iterator[Listed]:
    for count, one in enumerate(every):
        if count == _MOST:
            raise SearchTooWideError(_MOST)
        yield one


def _found(found: Iterator[Item], terms: Terms, search: Search) -> Slice[Item]:
    """What comes after the item that the token names; no more is looked at than the page needs."""
    order = terms.ordered(search.order_by)
    if order.keys != terms.order:
        found = iter(_sorted(found, order))
    if search.token is not None and not any(item.place == search.token for item in found):
        detail = "Use the next_page_token of an earlier page of this search, or none."
        raise InvalidCursorError(detail, FieldError("/page_token", detail))
    kept = tuple(islice(found, search.limit))
    more = next(found, None) is not None
    return Slice(kept, kept[-1].place if more and kept else None)


def _sorted(found: Iterator[Item], order: Order) -> list[Item]:
    ordered = list(found)
    for key, descending in reversed(order.keys):
        ordered.sort(key=lambda item: item.subject.attributes[key], reverse=descending)
    return ordered
