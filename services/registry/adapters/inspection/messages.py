"""What the inspector and its child say to each other: one task, then one line for each answer."""

from typing import NamedTuple

from pydantic import BaseModel

from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import CompiledKind


class Compiling(BaseModel):
    """What a compilation may take, and where its result goes."""

    output: str
    """A file to be written."""
    cpu_seconds: int
    most_bytes: int
    """The largest result that can be stored."""


class Task(BaseModel):
    """What the child is given."""

    artifact: str
    reference: str
    signature: Signature
    trusted: tuple[str, ...]
    """Types that may be loaded beyond what skops trusts by itself."""
    cpu_seconds: int
    memory_bytes: int
    compiling: Compiling | None = None
    """Absent when compiling is switched off."""


class Finding(NamedTuple):
    """What does not fit, and which member of the request it concerns."""

    pointer: str
    message: str


class Verdict(BaseModel):
    """What the child found: its first line."""

    not_skops: str | None = None
    untrusted: tuple[str, ...] = ()
    reference: tuple[str, ...] = ()
    unfit: tuple[Finding, ...] = ()


class Figures(BaseModel):
    """How a compiled model compares with the one that it was made of."""

    kind: CompiledKind
    precision: str
    rows: int
    difference: float
    tolerance: float
    speedup: float


class Compilation(BaseModel):
    """How compiling ended: the second line, when the model was fit."""

    figures: Figures | None = None
    """Present when the output was written."""
    reason: str = ""
    """Why there is none."""
