"""What callers ask of serving: describe a deployment, predict, take labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from understudy.contracts.signature import Signature
from understudy.contracts.vocabulary import AccessLevel, Label


@dataclass(frozen=True, slots=True)
class Answer:
    """The main version's answer to one row."""

    prediction_id: str
    prediction: Label
    probabilities: Mapping[str, float] | None
    model: str
    version: int


@dataclass(frozen=True, slots=True)
class Card:
    """What a page or a description of the interface shows of a deployment."""

    name: str
    description: str
    access: AccessLevel
    model: str
    version: int
    signature: Signature


@dataclass(frozen=True, slots=True)
class LabelItem:
    """The true outcome of one earlier prediction."""

    prediction_id: str
    label: Label
    observed_at: float | None = None
    source: str | None = None


class Serving:
    """The operations behind every dialect and page."""

    def describe(self, deployment: str) -> Card:
        """What the deployment takes and answers. Raises UnknownDeploymentError."""
        raise NotImplementedError

    async def predict(
        self,
        deployment: str,
        rows: Sequence[Mapping[str, object]],
        *,
        key: str | None,
        ids: Sequence[str] | None = None,
        batch: bool = False,
    ) -> list[Answer]:
        """Answer rows with the main version; raises Refusal subclasses.

        InvalidRowsError has pointers "/income" for a single row, "/rows/3/income" in a batch.
        """
        raise NotImplementedError

    async def label(
        self, deployment: str, items: Sequence[LabelItem], *, key: str | None
    ) -> list[str | None]:
        """Take labels; one result each, None where accepted, else why not."""
        raise NotImplementedError
