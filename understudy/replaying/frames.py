"""What a replay and its child process say to each other: JSON, a line each."""

from typing import Final

import msgspec

from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import ArtifactFormat, CompiledKind


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag="begin"):
    """The first line: what to load. Answered by Ready or Failed."""

    artifact: str
    format: ArtifactFormat = ArtifactFormat.SKOPS
    signature: Signature
    trusted: tuple[str, ...] = ()
    compiled: str | None = None
    compiled_kind: CompiledKind | None = None
    tolerance: float = 0.0
    """How far the compiled twin's answers may be from the original's."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Which rows of a part are meant."""

    path: str
    main: int
    """Rows that this version answered."""
    since: float
    until: float
    share: float = 1.0
    """Of the rows, chosen by their ids: the same ones each time."""


class Answer(msgspec.Struct, frozen=True, tag="answer"):
    """Answer a part. Answered by Answered or Failed."""

    part: Part


class Audit(msgspec.Struct, frozen=True, tag="audit"):
    """Hold a part's stored answers against this model's. Answered by Audited or Failed."""

    part: Part


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """Loaded."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """Could not; why."""

    error: str


class Answered(msgspec.Struct, frozen=True, kw_only=True, tag="answered"):
    """What the model says to the rows: null where it refused."""

    ids: list[str]
    values: list[float | None]
    probabilities: list[list[float] | None]
    """Empty when it gives none."""


class Mismatch(msgspec.Struct, frozen=True):
    """A stored answer that is not reproduced."""

    prediction_id: str
    difference: float | None
    """None: only one of both is an answer, or they are of other classes."""


class Audited(msgspec.Struct, frozen=True, kw_only=True, tag="audited"):
    """What became of a part's stored answers."""

    rows: int
    elsewhere: int
    """Answered elsewhere, so that there is nothing to reproduce."""
    by_original: int
    """Reproduced by the original model."""
    by_twin: int
    """Reproduced within the compiled twin's tolerance, and not by the original."""
    mismatches: int
    worst: float
    """The largest difference to whichever of both is nearer."""
    first: list[Mismatch]


Ask = Begin | Answer | Audit
Reply = Ready | Failed | Answered | Audited

MOST_NAMED: Final = 20
"""Mismatches that are named one by one."""
LINE: Final = msgspec.json.Encoder()
ASKS: Final = msgspec.json.Decoder(Ask)
REPLIES: Final = msgspec.json.Decoder(Reply)
