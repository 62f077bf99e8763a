"""MLflow's client of scoring servers; CSV by `requests`, because that client never sends it."""

import json
import sys

import numpy as np
import pandas as pd
import requests
from mlflow.pyfunc.scoring_server.client import ScoringServerClient

told = json.load(sys.stdin)
client = ScoringServerClient(told["host"], told["port"])
client.wait_server_ready(timeout=10)
frame = pd.DataFrame(told["rows"])
forms = {
    "dataframe_split": frame,
    "dataframe_records": json.dumps({"dataframe_records": told["rows"]}),
    "instances": json.dumps({"instances": told["rows"]}),
    "inputs": json.dumps({"inputs": frame.to_dict(orient="list")}),
    "inputs of lists": np.array(told["lists"], dtype=object),
}
found = {form: client.invoke(data).get_predictions()[0].tolist() for form, data in forms.items()}
answer = requests.post(
    f"{client.url_prefix}/invocations",
    data=frame.to_csv(index=False),
    headers={"Content-Type": "text/csv"},
    timeout=60,
)
found["csv"] = answer.json()["predictions"]
errors = {}
for name, params in (("wrong", None), ("params", {"threshold": 0.5})):
    try:
        client.invoke(frame if params else frame.iloc[:1, :1], params=params)
    except Exception as error:
        errors[name] = str(error)
print(json.dumps({"found": found, "errors": errors, "version": client.get_version()}))
