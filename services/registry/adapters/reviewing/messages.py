"""What the reviewer and its child say to each other: one task, then lines, the last is the end."""

from datetime import datetime

from pydantic import BaseModel

from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import ArtifactFormat, CompiledKind


class ModelFile(BaseModel):
    """A model that is loaded."""

    path: str
    format: ArtifactFormat
    number: int
    """The version's."""


class SampleFile(BaseModel):
    """A sample that is read."""

    path: str
    digest: str


class CompiledFile(BaseModel):
    """What was compiled of the model."""

    path: str
    kind: CompiledKind


class ReviewTask(BaseModel):
    """What the child is given."""

    name: str
    """The model's."""
    subject: ModelFile
    artifact: str
    """Its digest."""
    compiled: CompiledFile | None = None
    baseline: str | None = None
    """The file of the answers that were measured at registration."""
    reference: SampleFile
    evaluation: SampleFile | None = None
    main: ModelFile | None = None
    main_missing: str | None = None
    """Why the main can't be handed over."""
    signature: Signature
    main_signature: Signature | None = None
    time_column: str | None = None
    protected: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    made_at: datetime
    seed: int
    seconds: float
    """Of time, for all of it."""
    memory_bytes: int
    shap: bool
    output: str
    """A file to be written."""


class Said(BaseModel):
    """A line of the child: how far it is, or how it ended."""

    step: str = ""
    progress: float = 0.0
    ended: bool = False
    """The output was written."""
    failure: str | None = None
    """Why there is none."""
