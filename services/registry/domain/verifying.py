"""Walking the chain of the audit trail, and saying what is broken in it and how.

Every entry is hashed with the stored hash of the one before. That an entry does not fit is certain;
how it came to be is told from what fits instead: the neighbours, and the other entries that don't
fit, exchanged. What `chain` guarantees does not rest on it. Memory is bounded by what is broken, of
which the first hundred are kept.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice, product
from typing import Final

from services.registry.domain.audit import Action, Recorded
from services.registry.domain.chain import BEGINNING, Head, Link, linked
from services.registry.domain.facts import Comparison, Contradiction, contradictions
from understudy.contracts.vocabulary import BreakKind

_KEPT: Final = 100
_EXCHANGED: Final = 20
"""Among how many that don't fit exchanged ones are looked for: the work grows with its cube."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The trail as one transaction sees it."""

    state: Head
    """What the last change has noted besides."""
    links: Iterator[Link]
    """Ascending."""
    compared: Iterable[Comparison] = ()
    """What the trail tells of, beside what it tells; to be read after the links."""
    holds_changes: bool = False
    """Whether there is anything that only a change can have left."""


@dataclass(frozen=True, slots=True)
class Noted:
    """What somebody wrote down elsewhere."""

    hash: str | None = None
    """Of an entry, wherever it stands."""
    head: Head | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """What is wrong with the entries from one number to another."""

    kind: BreakKind
    first: int
    last: int
    detail: str


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found."""

    entries: int
    first: int | None
    head: Head | None
    """The last entry that there is."""
    breaks: tuple[Break, ...]
    more: int = 0
    """Breaks that are not listed."""
    incomparable: int = 0
    """Rows and entries that could not be held against each other: the entry tells too little."""

    @property
    def whole(self) -> bool:
        """Whether nothing is broken."""
        return not self.breaks and not self.more


@dataclass(slots=True)
class _Suspect:
    """An entry that does not fit the one before it."""

    before: str
    link: Link
    computed: str | None
    after_gap: bool
    follower: Link | None = None


@dataclass(slots=True)
class _Walk:
    noted: Noted
    entries: int = 0
    first: int | None = None
    last: Link | None = None
    more: int = 0
    breaks: list[Break] = field(default_factory=list)
    suspects: list[_Suspect] = field(default_factory=list)
    hash_seen: bool = False
    noted_there: str | None = None

    def take(self, link: Link) -> None:
        """The next entry."""
        before = self.last
        self.entries += 1
        self.first = link.sequence if self.first is None else self.first
        gap = before is not None and self._note_gap(before, link)
        if self.suspects and self.suspects[-1].link is before:
            self.suspects[-1].follower = link
        stands = BEGINNING if before is None else before.hash
        computed = None if link.recorded is None else _hashed(stands, link.recorded)
        if computed != link.hash:
            self._suspect(_Suspect(stands, link, computed, gap))
        self.hash_seen |= link.hash == self.noted.hash
        if self.noted.head is not None and link.sequence == self.noted.head.sequence:
            self.noted_there = link.hash
        self.last = link

    def _note_gap(self, before: Link, link: Link) -> bool:
        """A restore moves the number on; nothing else does."""
        if link.sequence <= before.sequence + 1 or _restored(link):
            return False
        first, last = before.sequence + 1, link.sequence - 1
        self._note(Break(BreakKind.MISSING, first, last, _counted(last - first + 1, "missing")))
        return True

    def _note(self, found: Break) -> None:
        if len(self.breaks) < _KEPT:
            self.breaks.append(found)
        else:
            self.more += 1

    def _suspect(self, suspect: _Suspect) -> None:
        if len(self.suspects) < _KEPT:
            self.suspects.append(suspect)
        else:
            self.more += 1

    def result(self, chain: Chain) -> Examination:
        """What was found, held against the state, what was noted, and what the trail tells of."""
        state = chain.state
        for suspect in self.suspects:
            if suspect.link.sequence <= state.sequence and (told := self._told(suspect, state)):
                self._note(told)
        for ended in (self._ended(chain), *self._held_against_noted()):
            if ended is not None:
                self._note(ended)
        if self.suspects and not self.breaks:
            self._note(_changed(self.suspects[0].link, _CONTENT))
        incomparable = self._hold_against(chain.compared)
        head = None if self.last is None else Head(self.last.sequence, self.last.hash)
        breaks = tuple(sorted(self.breaks, key=lambda found: found.first))
        return Examination(self.entries, self.first, head, breaks, self.more, incomparable)

    def _hold_against(self, compared: Iterable[Comparison]) -> int:
        incomparable = 0
        for found in (found for each in compared for found in contradictions(each)):
            if isinstance(found, Contradiction):
                at = found.sequence
                self._note(Break(BreakKind.CONTRADICTED, at, at, found.detail))
            else:
                incomparable += 1
        return incomparable

    def _told(self, suspect: _Suspect, state: Head) -> Break | None:
        link, recorded = suspect.link, suspect.link.recorded
        if recorded is None:
            return _changed(link, "What it holds can be no entry of the trail.")
        if self._is_in_anothers_place(suspect):
            detail = "It stands where another entry stood."
            return Break(BreakKind.REORDERED, link.sequence, link.sequence, detail)
        if _fits(suspect.before, suspect.follower):
            detail = "It was added: the entry after it follows on the one before it."
            return Break(BreakKind.ADDED, link.sequence, link.sequence, detail)
        own = suspect.computed or ""
        if _fits(own, suspect.follower) or (suspect.follower is None and own == state.hash):
            return _changed(link, "Its hash was changed.")
        if suspect.after_gap or self._fits_on_anything(recorded, link.hash):
            return None  # it is as it was, and what stood before it is told of
        return _changed(link, _FIRST if link.sequence == self.first else _CONTENT)

    def _fits_on_anything(self, recorded: Recorded, wanted: str) -> bool:
        """Whether it follows on another that does not fit."""
        stored = {suspect.link.hash for suspect in self.suspects} - {wanted}
        computed = {suspect.computed for suspect in self.suspects if suspect.computed}
        return any(_hashed(before, recorded) == wanted for before in stored | computed)

    def _is_in_anothers_place(self, suspect: _Suspect) -> bool:
        """Whether one of the others belongs here, with the hash of either."""
        if len(self.suspects) > _EXCHANGED:
            return False
        hashes = {one.link.hash for one in self.suspects}
        others = (one.link.recorded for one in self.suspects if one is not suspect)
        there = [replace(one, sequence=suspect.link.sequence) for one in others if one is not None]
        befores = hashes | {suspect.before}
        return any(_hashed(before, one) in hashes for before, one in product(befores, there))

    def _ended(self, chain: Chain) -> Break | None:
        state, last = chain.state, 0 if self.last is None else self.last.sequence
        if self.last is None and state.hash == BEGINNING and not chain.holds_changes:
            return None
        if state.sequence > last:
            detail = f"The end is cut off: the last change was {state.sequence}."
            return Break(BreakKind.CUT, last + 1, state.sequence, detail)
        if state.sequence < last:
            detail = f"They were added at the end: the last change was {state.sequence}."
            return Break(BreakKind.ADDED, state.sequence + 1, last, detail)
        broken_there = any(found.last == last for found in self.breaks)
        if self.last is not None and state.hash != self.last.hash and not broken_there:
            detail = "The last change has noted another hash than its entry has."
            return Break(BreakKind.HEAD, last, last, detail)
        return None

    def _held_against_noted(self) -> Iterator[Break]:
        last = 0 if self.last is None else self.last.sequence
        if self.noted.hash is not None and not self.hash_seen:
            detail = f"No entry has the hash {self.noted.hash}. {_ANEW}"
            yield Break(BreakKind.REWRITTEN, self.first or 0, last, detail)
        head = self.noted.head
        if head is not None and self.noted_there != head.hash:
            found = f"has the hash {self.noted_there}" if self.noted_there else "is not there"
            detail = f"Entry {head.sequence} {found}, and it had {head.hash}. {_ANEW}"
            yield Break(BreakKind.REWRITTEN, self.first or 0, max(head.sequence, last), detail)


_CONTENT: Final = "What it holds was changed: it does not match its hash."
_FIRST: Final = "It does not begin the chain: it was changed, or what stood before it was removed."
_ANEW: Final = (
    "The trail was written anew or cut since that was noted, or a backup from before was restored."
)


def examined(chain: Chain, noted: Noted | None = None) -> Examination:
    """Walk the whole chain."""
    walk = _Walk(noted or Noted())
    for link in chain.links:
        walk.take(link)
    return walk.result(chain)


def joined(breaks: tuple[Break, ...], most: int = 3) -> str:
    """The first of them, in words."""
    told = (f"{found.kind} {_named(found)}: {found.detail}" for found in islice(breaks, most))
    return " ".join(told)


def _named(found: Break) -> str:
    if found.last == 0:
        return "without an entry"
    return f"{found.first}" if found.first == found.last else f"{found.first} to {found.last}"


def _fits(before: str, follower: Link | None) -> bool:
    if follower is None or follower.recorded is None:
        return False
    return _hashed(before, follower.recorded) == follower.hash


def _hashed(before: str, recorded: Recorded) -> str | None:
    """None: what it holds can't be written as JSON, so no change has left it."""
    try:
        return linked(before, recorded)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _restored(link: Link) -> bool:
    return link.recorded is not None and link.recorded.entry.action is Action.RESTORE


def _changed(link: Link, detail: str) -> Break:
    return Break(BreakKind.CHANGED, link.sequence, link.sequence, detail)


def _counted(count: int, what: str) -> str:
    return "1 entry is " + what + "." if count == 1 else f"{count} entries are {what}."
