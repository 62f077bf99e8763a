"""The OpenAPI document of a deployment: typed by signature and policy, its examples work."""

from typing import Any

import httpx
import pytest

from tests.fakes.serving import FLOWERS, LOANS
from tests.unit.serving.test_serving_api import KEY, World, world
from understudy.contracts.policy import GuardRule, Guards, Policy
from understudy.contracts.signature import Feature, Signature, Target
from understudy.contracts.vocabulary import (
    AccessLevel,
    FeatureKind,
    GuardAction,
    Task,
    TypePolicy,
)
from understudy.describing import Described, document
from understudy.describing.schemas import example_of, value_schema

__all__ = ["world"]

pytestmark = pytest.mark.anyio

OPEN = Guards(GuardRule(GuardAction.FLAG), GuardRule(GuardAction.FLAG))


def card(
    signature: Signature = LOANS,
    policy: Policy | None = None,
    access: AccessLevel = AccessLevel.PROJECT,
) -> Described:
    return Described("loans", "Who pays back.", access, "loan", 3, signature, policy or Policy())


def row(told: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = told["components"]["schemas"]["Row"]
    return found


def test_features_are_typed_and_ranged() -> None:
    schema = row(document(card(), 10))
    assert schema["required"] == ["income", "age", "purpose", "employed", "town"]
    assert schema["additionalProperties"] is False
    features = schema["properties"]
    assert features["income"] | {"examples": 0} == {
        "type": "number",
        "minimum": 0,
        "maximum": 10_000_000,
        "title": "income",
        "examples": 0,
    }
    assert features["age"]["type"] == ["integer", "null"]
    assert features["purpose"]["enum"] == ["car", "house", None]
    assert features["employed"]["type"] == "boolean"
    assert features["town"]["maxLength"] == 1_000


def test_what_the_policy_lets_through_is_not_forbidden() -> None:
    lenient = Policy(types=TypePolicy.BEST_EFFORT, guards=OPEN)
    schema = row(document(card(policy=lenient), 10))
    assert schema["additionalProperties"] is True
    income = schema["properties"]["income"]["anyOf"]
    assert income[0]["maximum"] > 1e300
    assert income[1]["type"] == "string"
    assert "enum" not in schema["properties"]["purpose"]


@pytest.mark.parametrize(
    ("feature", "example"),
    [
        (Feature("a", FeatureKind.NUMBER, minimum=1.0, maximum=2.0), 1.5),
        (Feature("a", FeatureKind.NUMBER, maximum=-2.0), -2.0),
        (Feature("a", FeatureKind.NUMBER), 0.0),
        (Feature("a", FeatureKind.INTEGER, minimum=0.5), 1),
        (Feature("a", FeatureKind.INTEGER, minimum=-3.5), -3),
        (Feature("a", FeatureKind.BOOLEAN), True),
        (Feature("a", FeatureKind.CATEGORY, choices=("x", "y")), "x"),
        (Feature("a", FeatureKind.CATEGORY, open_choices=True), "text"),
        (Feature("a", FeatureKind.NUMBER, example=7.5), 7.5),
    ],
)
def test_there_is_always_an_example(feature: Feature, example: object) -> None:
    assert example_of(feature) == example
    assert value_schema(feature, Policy())["examples"] == [example]


def test_words_of_the_signature_are_told() -> None:
    feature = Feature(
        "t", FeatureKind.NUMBER, label="Temperature", description="At noon.", unit="°C"
    )
    schema = value_schema(feature, Policy())
    assert (schema["title"], schema["description"]) == ("Temperature", "At noon. In °C.")


def test_a_public_deployment_asks_for_no_key_but_for_labels_it_does() -> None:
    paths = document(card(access=AccessLevel.PUBLIC), 10)["paths"]
    own = "/v1/deployments/loans"
    assert {} in paths[f"{own}/predict"]["post"]["security"]
    assert {} not in paths[f"{own}/labels"]["post"]["security"]
    assert {} not in document(card(), 10)["paths"][f"{own}/predict"]["post"]["security"]


def test_a_regression_answers_a_number() -> None:
    target = Target("price", Task.REGRESSION, label="Price", unit="EUR")
    told = document(card(Signature(FLOWERS.features, target)), 10)["components"]["schemas"]
    answer = {"type": "number", "description": "Price in EUR"}
    assert told["Prediction"]["properties"]["prediction"] == answer
    assert "probabilities" not in told["Prediction"]["properties"]
    assert told["LabelCorrection"]["properties"]["label"]["type"] == "number"


async def test_every_example_works(world: World) -> None:
    transport = httpx.ASGITransport(app=world)
    headers = {"X-API-Key": KEY.plaintext}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://here", headers=headers
    ) as http:
        told = (await http.get("/v1/deployments/instance/openapi.json")).json()
        asked = 0
        for path, operations in told["paths"].items():
            for method, operation in operations.items():
                body = operation.get("requestBody", {}).get("content", {}).get("application/json")
                for example in _examples(body):
                    place = path.replace("{prediction_id}", "some-prediction")
                    answer = await http.request(method, place, json=example)
                    expected = [status for status in operation["responses"] if status[0] == "2"]
                    assert str(answer.status_code) in expected, (path, answer.text)
                    asked += 1
    assert asked == len(told["paths"]) + 1


async def test_strangers_learn_nothing_of_a_project(world: World) -> None:
    transport = httpx.ASGITransport(app=world)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
        assert (await http.get("/v1/deployments/public/openapi.json")).status_code == 200
        assert (await http.get("/v1/deployments/project/openapi.json")).status_code == 401
        assert (await http.get("/v1/deployments/none/openapi.json")).status_code == 401


def _examples(body: dict[str, Any] | None) -> list[Any]:
    if body is None:
        return [None]
    if "examples" in body:
        return [each["value"] for each in body["examples"].values()]
    return [body["example"]]
