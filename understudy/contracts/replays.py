"""Bodies of the archive and of replays: history, and what a candidate would have answered to it."""

from typing import Annotated, Final, Self

from pydantic import AwareDatetime, Field, model_validator

from understudy.contracts.monitor import Judgement
from understudy.contracts.registry import Body, Number
from understudy.contracts.vocabulary import Label

MOST_ANSWERS: Final = 5_000
"""In one request."""
EXACT: Final = 1e-9
"""How far the same runner's answers may be apart: absolute for probabilities and numbers up to 1,
relative for greater ones."""


class ArchivePart(Body):
    """One Parquet file; `GET /v1/deployments/{deployment}/archive` lists a page of them.

    `GET …/archive/{stream}/{name}` answers the file.
    """

    name: str
    stream: str
    rows: int
    size_bytes: int
    begins: AwareDatetime
    """When its first entry was logged."""
    ends: AwareDatetime
    """When its last entry was logged."""


class ReplayRequest(Body):
    """`POST /v1/deployments/{deployment}/replays`: compare a candidate with the main on history."""

    version: Number
    since: AwareDatetime
    until: AwareDatetime

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.since >= self.until:
            raise ValueError("since must be before until")
        return self


class ReplayAnswers(Body):
    """`POST …/replays/{id}/pairs`: what the candidate answers to some predictions.

    Batches are numbered from 0; one that is sent again counts once.
    """

    sequence: Annotated[int, Field(ge=0)]
    ids: Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_ANSWERS)]
    values: tuple[float | None, ...]
    """The number, or the index of the class in `classes`; null where it did not answer."""
    probabilities: tuple[tuple[float, ...] | None, ...] = ()
    """In the order of `classes`; empty when it gives none."""
    classes: tuple[Label, ...] = ()

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        rows, width = len(self.ids), len(self.classes)
        if len(self.values) != rows or len(self.probabilities) not in {0, rows}:
            raise ValueError("ids, values and probabilities differ in length")
        if any(found is not None and len(found) != width for found in self.probabilities):
            raise ValueError("probabilities are one for each of classes")
        if width and any(
            value is not None and not (value.is_integer() and 0 <= value < width)
            for value in self.values
        ):
            raise ValueError("values are indices of classes")
        return self


class AuditMismatch(Body):
    """A stored answer that is not reproduced."""

    prediction_id: str
    difference: float | None = None
    """None: only one of both is an answer, or they are of other classes."""


class ReplayAudit(Body):
    """Whether a version still answers as it did; made where it is replayed."""

    deployment: str
    version: int
    since: AwareDatetime
    until: AwareDatetime
    rows: int
    elsewhere: int
    """Told to us and not answered here: there is nothing to reproduce."""
    by_original: int
    """Reproduced by the scikit-learn model within `exact`."""
    by_compiled: int
    """Reproduced within `tolerance` by either, where the version has a compiled twin."""
    exact: float
    tolerance: float | None = None
    mismatches: int
    worst: float
    """The largest difference, reproduced or not."""
    first: tuple[AuditMismatch, ...] = ()


class ReplayView(Body):
    """How far a replay is."""

    id: str
    deployment: str
    release: int
    main: int
    version: int
    begun_at: AwareDatetime
    since: AwareDatetime
    until: AwareDatetime
    batches: int
    """That were taken: the next one has this number."""
    rows: int
    """That were answered."""
    compared: int
    """Of them: the main had answered, labelled, and matured."""
    young: int
    """Labelled, but of cohorts that have not matured."""
    unlabelled: int
    unknown: int
    """Of other mains, or no longer known to the monitor."""
    judgement: Judgement | None = None
    """Once it is finished."""
