"""Bodies of serving's HTTP interface."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from understudy.contracts.moments import Moment
from understudy.contracts.vocabulary import Label, WarningCode

Source = Annotated[str, Field(max_length=200)]
"""Who says so."""


class Body(BaseModel):
    """Every body is frozen. Members that are not known are let through to older clients."""

    model_config = ConfigDict(frozen=True)


class ModelRef(Body):
    """Which version answered."""

    name: str
    version: int


class PredictionWarning(Body):
    """Something about a row, or its answer, that its caller should know."""

    code: WarningCode
    feature: str | None = None
    message: str


class ClassConfidence(Body):
    """How sure a classifier is of its answer, by its own probabilities."""

    probability: float
    """Of the predicted class."""
    margin: float
    """How much more likely than the likeliest other class."""


class IntervalConfidence(Body):
    """Where a regression's truth lies for `level` of all rows like those it was measured on."""

    level: float
    low: float
    high: float


class Prediction(Body):
    """The main version's answer to one row. A challenger's answer is never shown to a caller."""

    prediction_id: str
    prediction: Label
    probabilities: dict[str, float] | None = None
    """By class, for a classifier that gives them."""
    confidence: ClassConfidence | IntervalConfidence | None = None
    """Where it was asked for (`?confidence=true`); null with a warning where there is none."""
    model: ModelRef
    warnings: tuple[PredictionWarning, ...] = ()
    overridden: bool = False
    """A guard rule answered instead of the model, whose probabilities are left out then."""


class Predictions(Body):
    """The answer to a batch, in the order of its rows."""

    predictions: tuple[Prediction, ...]


class LabelRequest(Body):
    """The true outcome of one earlier prediction."""

    prediction_id: str
    label: Label
    observed_at: Moment | None = None
    source: Source | None = None


class LabelCorrection(Body):
    """What the outcome of an earlier prediction really was; body of `PUT …/labels/{id}`."""

    label: Label
    observed_at: Moment | None = None
    source: Source | None = None


class LabelStatus(StrEnum):
    """What became of one label of a request."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class LabelResult(Body):
    """What became of one label, and why when it was refused."""

    prediction_id: str
    status: LabelStatus
    message: str | None = None


class LabelResults(Body):
    """`202` of `POST …/labels`."""

    results: tuple[LabelResult, ...]


class ProtectedRequest(Body):
    """Protected attributes of whom one prediction concerns: never features, never shown again.

    A misspelt member would be lost without a word, so members that are not known are refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prediction_id: str
    attributes: dict[str, Label]


class ProtectedResult(Body):
    """What became of one prediction's attributes, and why when they were refused."""

    prediction_id: str
    status: LabelStatus
    message: str | None = None


class ProtectedResults(Body):
    """`202` of `POST …/protected`."""

    results: tuple[ProtectedResult, ...]
