"""The way of a replay: history from the monitor, the model from the registry, answers back."""

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from understudy.client import RegistryClient
from understudy.client.errors import ProblemError
from understudy.client.history import HistoryClient
from understudy.contracts.registry import Snapshot, VersionView
from understudy.contracts.replays import (
    MOST_ANSWERS,
    ArchivePart,
    ReplayAnswers,
    ReplayRequest,
    ReplayView,
)
from understudy.replaying.errors import ReplayFailedError
from understudy.replaying.frames import MOST_NAMED, Answer, Answered, Audit, Audited, Begin, Part
from understudy.replaying.process import ScoringChild

Progress = Callable[[int], None]
"""Told after each part: how many rows of history it had."""

_FORBIDDEN: Final = 403
_MOST_FIGURES: Final = 500_000
"""Probabilities in one request: some 10 MB."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be replayed."""

    deployment: str
    version: VersionView
    main: int
    """Rows that this version answered."""
    since: datetime
    until: datetime
    share: float
    """Of these rows."""
    trusted: tuple[str, ...]
    folder: Path
    """For the model and one part at a time."""


class Replayer:
    """Carries errands out, with one child each."""

    def __init__(
        self,
        registry: RegistryClient,
        history: HistoryClient,
        *,
        memory_bytes: int,
        deadline_seconds: float,
    ) -> None:
        self._registry = registry
        self._history = history
        self._memory_bytes = memory_bytes
        self._deadline_seconds = deadline_seconds

    def parts(self, deployment: str, since: datetime, until: datetime) -> list[ArchivePart]:
        """The history that there is."""
        return [*self._history.parts(deployment, since, until)]

    def compare(self, errand: Errand, parts: list[ArchivePart], progress: Progress) -> ReplayView:
        """Send the candidate's answers to the monitor; what it concludes. Raises ClientError."""
        request = ReplayRequest(
            version=errand.version.version, since=errand.since, until=errand.until
        )
        with self._child(errand) as child:
            replay = self._history.begin_replay(errand.deployment, request)
            numbers = itertools.count()
            for local, size in self._fetched(errand, parts):
                reply = child.ask(Answer(local))
                if not isinstance(reply, Answered):
                    raise ReplayFailedError(f"an answer of the kind {type(reply).__name__}")
                for batch in _batches(reply, numbers, errand.version):
                    self._history.add_answers(replay, batch)
                progress(size)
        return self._history.finish_replay(replay)

    def audit(self, errand: Errand, parts: list[ArchivePart], progress: Progress) -> Audited:
        """Hold stored answers against the version that gave them. Raises ClientError."""
        found = list[Audited]()
        with self._child(errand) as child:
            for local, size in self._fetched(errand, parts):
                reply = child.ask(Audit(local))
                if not isinstance(reply, Audited):
                    raise ReplayFailedError(f"an answer of the kind {type(reply).__name__}")
                found.append(reply)
                progress(size)
        return summed(found)

    def trusted_types(self) -> tuple[str, ...]:
        """Those that the installation trusts, as far as the key may know them."""
        try:
            return self._registry.get("/v1/snapshot", Snapshot, {"wait": 0}).trusted_types
        except ProblemError as error:
            if error.status != _FORBIDDEN:
                raise
            return ()

    def _child(self, errand: Errand) -> ScoringChild:
        begin = self._begin(errand)
        child = ScoringChild(
            memory_bytes=self._memory_bytes, deadline_seconds=self._deadline_seconds
        )
        try:
            child.ask(begin)
        except BaseException:
            child.__exit__(None, None, None)
            raise
        return child

    def _begin(self, errand: Errand) -> Begin:
        version, compiled = errand.version, errand.version.compiled
        twin = None if compiled is None else self._file(compiled.artifact, errand.folder)
        return Begin(
            artifact=str(self._file(version.artifact, errand.folder)),
            format=version.format,
            signature=version.signature,
            trusted=errand.trusted,
            compiled=None if twin is None else str(twin),
            compiled_kind=None if compiled is None else compiled.kind,
            tolerance=0.0 if compiled is None else compiled.tolerance,
        )

    def _file(self, digest: str, folder: Path) -> Path:
        content = self._registry.ask("GET", f"/v1/artifacts/{digest}").content
        if hashlib.sha256(content).hexdigest() != digest:
            raise ReplayFailedError(f"The registry's file {digest} has other bytes than it says.")
        path = folder / digest
        path.write_bytes(content)
        return path

    def _fetched(self, errand: Errand, parts: list[ArchivePart]) -> Iterator[tuple[Part, int]]:
        """One part at a time is on the disk."""
        path = errand.folder / "part.parquet"
        for part in parts:
            path.write_bytes(self._history.part(errand.deployment, part))
            local = Part(
                path=str(path),
                main=errand.main,
                since=errand.since.timestamp(),
                until=errand.until.timestamp(),
                share=errand.share,
            )
            yield local, part.rows


def _batches(
    found: Answered, numbers: Iterator[int], version: VersionView
) -> Iterator[ReplayAnswers]:
    classes = version.signature.target.classes
    size = max(1, min(MOST_ANSWERS, _MOST_FIGURES // max(1, len(classes))))
    for start in range(0, len(found.ids), size):
        part = slice(start, start + size)
        chances = found.probabilities[part]
        yield ReplayAnswers(
            sequence=next(numbers),
            ids=tuple(found.ids[part]),
            values=tuple(found.values[part]),
            probabilities=tuple(None if row is None else tuple(row) for row in chances),
            classes=classes,
        )


def summed(parts: Sequence[Audited]) -> Audited:
    """Of all parts."""
    return Audited(
        rows=sum(part.rows for part in parts),
        elsewhere=sum(part.elsewhere for part in parts),
        by_original=sum(part.by_original for part in parts),
        by_twin=sum(part.by_twin for part in parts),
        mismatches=sum(part.mismatches for part in parts),
        worst=max((part.worst for part in parts), default=0.0),
        first=[each for part in parts for each in part.first][:MOST_NAMED],
    )
