"""Prevision's client of a deployed model."""

import json
import sys

from previsionio.deployed_model import DeployedModel

told = json.load(sys.stdin)
model = DeployedModel(told["base"], told["client_id"], told["client_secret"], told["token_url"])
found = [model.predict(row)["prediction"] for row in told["rows"]]
confident = model.predict(told["rows"][0], use_confidence=True)
errors = {}
for name, row, options in (
    ("explain", told["rows"][0], {"explain": True}),
    ("wrong", {"a": 1}, {}),
):
    try:
        model.predict(row, **options)
    except Exception as error:
        errors[name] = str(error)
print(
    json.dumps(
        {
            "found": found,
            "confident": confident,
            "errors": errors,
            "problem_type": model.problem_type,
            "inputs": model.inputs,
            "outputs": model.outputs,
        }
    )
)
