"""BentoML's client: endpoints are those that the service tells of."""

import json
import sys

import bentoml

told = json.load(sys.stdin)
found, errors = {}, {}
with bentoml.SyncHTTPClient(told["url"]) as client:
    found["endpoints"] = sorted(client.endpoints)
    answer = client.call(f"{told['open']}_rows", rows=told["rows"])
    found["open"] = [one["prediction"] for one in answer["predictions"]]
    found["one"] = getattr(client, told["open"])(**told["rows"][0])["prediction"]
    try:
        client.call(told["open"], **{**told["rows"][0], told["feature"]: "wrong"})
    except Exception as error:
        errors["wrong"] = str(error)
with bentoml.SyncHTTPClient(told["url"], token=told["key"]) as client:
    answer = client.call(f"{told['closed']}_rows", rows=told["rows"])
    found["closed"] = [one["prediction"] for one in answer["predictions"]]
print(json.dumps({"found": found, "errors": errors}))
