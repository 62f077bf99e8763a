"""Serving as the form sees it: real access and row checks, answers by a plain formula."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from starlette.applications import Starlette

from services.serving.domain.drafts import Cells, Draft
from services.serving.domain.errors import UnknownDeploymentError
from services.serving.domain.rows import Plan
from services.serving.metrics import Dialect
from services.serving.operations import Answer, Card
from services.serving.pages import Operations, routes
from understudy.contracts.policy import Policy
from understudy.contracts.refusals import Refusal
from understudy.contracts.registry import KeyRecord
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import AccessLevel, FeatureKind, Label, Scope, Task
from understudy.runtime.http import EXCEPTION_HANDLERS
from understudy.runtime.keys import Caller, ForbiddenError, KeyRing, key_digest

NUMBER, INTEGER = FeatureKind.NUMBER, FeatureKind.INTEGER
CATEGORY, BOOLEAN = FeatureKind.CATEGORY, FeatureKind.BOOLEAN

KEY = "us_0123456789ab_" + "k" * 43
OTHER_KEY = "us_ba9876543210_" + "o" * 43
"""Valid, but for a deployment that is none of these."""
LABEL_KEY = "us_aaaaaaaaaaaa_" + "l" * 43
"""Valid and in reach, but without the scope."""

IRIS = Signature(
    tuple(
        Feature(name, NUMBER, label, unit="cm", minimum=0.1, maximum=most, example=example)
        for name, label, most, example in (
            ("sepal_length", "Sepal length", 10.0, 5.1),
            ("sepal_width", "Sepal width", 6.0, 3.5),
            ("petal_length", "Petal length", 10.0, 1.4),
            ("petal_width", "Petal width", 4.0, 0.2),
        )
    ),
    Target("species", Task.CLASSIFICATION, ("setosa", "versicolor", "virginica"), label="Species"),
)

PURPOSES = ("car", "home_improvement", "debt_consolidation", "education", "medical", "holiday")

CREDIT = Signature(
    (
        Feature("age", INTEGER, "Age", unit="years", minimum=18.0, maximum=100.0, example=36),
        Feature(
            "income",
            NUMBER,
            "Yearly income",
            "Before tax, from all sources.",
            unit="€",
            minimum=0.0,
            maximum=10_000_000.0,
            example=42_000,
        ),
        Feature(
            "employment_years",
            INTEGER,
            "Time with employer",
            "Full years in the current job.",
            unit="years",
            minimum=0.0,
            maximum=70.0,
            nullable=True,
            example=4,
        ),
        Feature(
            "loan_amount",
            NUMBER,
            "Amount",
            unit="€",
            minimum=500.0,
            maximum=100_000.0,
            example=12_500,
        ),
        Feature(
            "loan_term_months",
            INTEGER,
            "Term",
            unit="months",
            minimum=6.0,
            maximum=120.0,
            example=36,
        ),
        Feature("purpose", CATEGORY, "Purpose", choices=PURPOSES, example="car"),
        Feature(
            "home_ownership",
            CATEGORY,
            "Home",
            choices=("rent", "mortgage", "own"),
            nullable=True,
            example="rent",
        ),
        Feature("previous_default", BOOLEAN, "Earlier default", example=False),
        Feature(
            "months_since_delinquency",
            NUMBER,
            "Since last late payment",
            "Leave empty when there was none.",
            unit="months",
            minimum=0.0,
            nullable=True,
        ),
        Feature(
            "region",
            CATEGORY,
            "Region",
            choices=("North", "South"),
            open_choices=True,
            example="North",
        ),
    ),
    Target("outcome", Task.CLASSIFICATION, ("repaid", "written_off"), label="Likely outcome"),
)

RENT = Signature(
    (
        Feature("area", NUMBER, "Living area", unit="m²", minimum=5.0, maximum=1_000.0, example=64),
        Feature("rooms", NUMBER, "Rooms", minimum=1.0, maximum=30.0, example=2.5),
        Feature("balance", NUMBER, "Balance", unit="€", example=-12.5),
    ),
    Target("rent", Task.REGRESSION, label="Monthly rent", unit="€"),
)


def card(
    name: str,
    signature: Signature,
    access: AccessLevel,
    description: str = "",
    policy: Policy | None = None,
) -> Card:
    return Card(name, description, access, f"{name}-model", 3, signature, policy or Policy())


CARDS = (
    card("iris", IRIS, AccessLevel.PUBLIC, "Tells three species of iris apart by their flowers."),
    card(
        "credit-risk",
        CREDIT,
        AccessLevel.PROJECT,
        "Estimates whether a loan will be repaid. For trial decisions only.",
    ),
    card("rent", RENT, AccessLevel.PUBLIC, "Estimates what a flat costs to rent."),
)


@dataclass
class FakeServing:
    """`admit` and `predict` over cards that a test gives it."""

    cards: Sequence[Card] = CARDS
    asked: list[tuple[str, Mapping[str, object], str | None]] = field(default_factory=list)
    """What predict was called with."""
    refuse_with: Refusal | None = None
    """Raised by predict when it is set."""
    answer_with: Answer | None = None

    def admit(self, deployment: str, key: str | None) -> Card:
        found = next((card for card in self.cards if card.name == deployment), None)
        if found is not None and found.access is AccessLevel.PUBLIC:
            return found
        caller: Caller = KEYS.authenticate(key, datetime.now(UTC))
        if found is None or not caller.reaches(deployment, "bank"):
            raise UnknownDeploymentError(deployment)
        if not caller.may(Scope.PREDICT, deployment=deployment, project="bank"):
            raise ForbiddenError("The key is valid, but lacks the scope predict.")
        return found

    async def predict(
        self,
        deployment: str,
        rows: Sequence[Mapping[str, object]],
        *,
        key: str | None,
        dialect: Dialect,
    ) -> list[Answer]:
        assert dialect is Dialect.FORM
        card = self.admit(deployment, key)
        draft = Plan(card.signature).read(rows, card.policy)
        self.asked += [(deployment, row, key) for row in rows]
        if self.refuse_with is not None:
            raise self.refuse_with
        if self.answer_with is not None:
            return [self.answer_with] * len(rows)
        return [_answer(card, draft, index) for index in range(len(rows))]


def form_app(operations: Operations) -> Starlette:
    return Starlette(routes=routes(operations), exception_handlers=dict(EXCEPTION_HANDLERS))


def _answer(card: Card, draft: Draft, index: int) -> Answer:
    """What the model answers, or a rule instead of it."""
    answer = _modelled(card, draft.cells[index])
    answer = replace(answer, notices=draft.notices.get(index, ()))
    if index not in draft.overrides:
        return answer
    told = draft.overrides[index]
    return replace(answer, prediction=told, probabilities=None, overridden=True)


def _modelled(card: Card, cells: Cells) -> Answer:
    """Numbers in, a score each out: enough for answers that differ with the values."""
    digits = sha256(repr(cells).encode()).hexdigest()
    numbers = [cell for cell in cells if isinstance(cell, float)]
    prediction_id = f"0193c0de-0000-7000-8000-{digits[:12]}"
    if card.signature.target.task is Task.REGRESSION:
        return Answer(prediction_id, 310.5 + 11.75 * sum(numbers), None, card.model, card.version)
    classes = card.signature.target.classes
    weights = [1 + 12 * abs(math.sin(sum(numbers) + place)) for place in range(len(classes))]
    shares = {str(c): w / sum(weights) for c, w in zip(classes, weights, strict=True)}
    best: Label = classes[weights.index(max(weights))]
    return Answer(prediction_id, best, shares, card.model, card.version)


def _record(key: str, scope: Scope, deployment: str | None) -> KeyRecord:
    return KeyRecord(
        id=key.split("_")[1],
        digest=key_digest(key),
        scopes=(scope,),
        deployment=deployment,
        expires_at=datetime.now(UTC) + timedelta(days=1),
    )


KEYS = KeyRing(
    [
        _record(KEY, Scope.PREDICT, None),
        _record(OTHER_KEY, Scope.PREDICT, "elsewhere"),
        _record(LABEL_KEY, Scope.LABEL, None),
    ]
)
