"""What the inspector and its child say to each other: one task, then one line for each answer."""

from typing import NamedTuple

from pydantic import BaseModel

from services.registry.domain.versions import Interval
from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import ArtifactFormat, BaselineSample, CompiledKind


class Measuring(BaseModel):
    """What measuring a baseline may take, and where its answers go."""

    output: str
    """A file to be written."""
    seconds: float
    """Of time, and of the processor's time."""
    most_bytes: int
    """The largest result that can be stored."""


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
    evaluation: str | None = None
    time_column: str | None = None
    trusted: tuple[str, ...]
    """Types that may be loaded beyond what skops trusts by itself."""
    cpu_seconds: int
    memory_bytes: int
    folder: str | None = None
    """The one that it may write in; results go there."""
    measuring: Measuring | None = None
    """Absent when nobody wants a baseline."""
    compiling: Compiling | None = None
    """Absent when compiling is switched off."""


class Finding(NamedTuple):
    """What does not fit, and which member of the request it concerns."""

    pointer: str
    message: str


class Verdict(BaseModel):
    """What the child found: its first line."""

    format: ArtifactFormat = ArtifactFormat.SKOPS
    not_skops: str | None = None
    bad_onnx: str | None = None
    """What about an ONNX model keeps it from being opened."""
    pickle: str | None = None
    """What kind of pickle it is."""
    unsafe: str | None = None
    """What about the archive is none of skops' doing."""
    other_version: str | None = None
    """Which release of scikit-learn saved it, and which one is here."""
    untrusted: tuple[str, ...] = ()
    reference: tuple[str, ...] = ()
    evaluation: tuple[str, ...] = ()
    time_column: tuple[str, ...] = ()
    unfit: tuple[Finding, ...] = ()

    @property
    def refused(self) -> bool:
        """Whether nobody may look at the model itself."""
        return (self.not_skops, self.bad_onnx, self.pickle, self.unsafe) != (None,) * 4


class BaselineFigures(BaseModel):
    """How the model answered a sample, beside the file of its answers."""

    sample: BaselineSample
    rows: int
    importances: dict[str, float]
    interval: Interval | None = None


class Measurement(BaseModel):
    """How measuring ended: the second line, when the model was fit."""

    figures: BaselineFigures | None = None
    """Present when the output was written."""
    reason: str = ""
    """Why there is none."""


class Figures(BaseModel):
    """How a compiled model compares with the one that it was made of."""

    kind: CompiledKind
    precision: str
    rows: int
    difference: float
    tolerance: float
    speedup: float


class Compilation(BaseModel):
    """How compiling ended: the third line."""

    figures: Figures | None = None
    """Present when the output was written."""
    reason: str = ""
    """Why there is none."""


class Unpickling(BaseModel):
    """What the child that reads a pickle is given."""

    pickle: str
    output: str
    """A file that is there, to be written."""
    cpu_seconds: int
    memory_bytes: int
    most_bytes: int
    """The largest result that can be stored."""


class Unpickled(BaseModel):
    """How reading a pickle ended."""

    written: bool = False
    reason: str = ""
    """Why nothing was written."""
    other_version: str | None = None
    """Which release of scikit-learn made it, and which one is here."""
    no_sandbox: str | None = None
    """What this machine lacks; the pickle was not looked at."""
