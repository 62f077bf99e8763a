"""Bodies of predictions that were made elsewhere and are told to serving."""

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from understudy.contracts.serving import LabelStatus
from understudy.contracts.vocabulary import Label


class Told(BaseModel):
    """A misspelt member would be lost without a word, so members that are not known are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ToldAnswer(Told):
    """What one version answered to a row."""

    prediction: Label | None
    """A class or a number; None where the version failed on the row."""
    probabilities: dict[str, float] | None = None
    """By class, of all classes."""
    seconds: float | None = None
    """How long answering took."""


class ToldMain(ToldAnswer):
    """What the main version answered."""

    version: int | None = None
    """The main of the release that answers where it is absent."""


class ToldChallenger(ToldAnswer):
    """What a challenger answered."""

    version: int
    error: Annotated[str, Field(max_length=500)] | None = None
    """Why it failed."""


class ToldPrediction(Told):
    """One row that was answered elsewhere.

    With a `row` it becomes a prediction, and challengers that are not told of here answer it too.
    Without one it adds what challengers answered to a prediction that is there.
    """

    prediction_id: str | None = None
    """Made where it is absent and there is a `row`."""
    at: AwareDatetime | None = None
    """When it was answered; now where it is absent."""
    row: dict[str, Any] | None = None
    main: ToldMain
    challengers: tuple[ToldChallenger, ...] = ()


class ToldResult(BaseModel):
    """What became of one row, and why when it was refused."""

    model_config = ConfigDict(frozen=True)

    prediction_id: str | None
    status: LabelStatus
    message: str | None = None


class ToldResults(BaseModel):
    """`202` of `POST …/predictions`."""

    model_config = ConfigDict(frozen=True)

    results: tuple[ToldResult, ...]
