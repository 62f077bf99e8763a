"""The client that is made of the protocol's OpenAPI text."""

import json
import sys

import httpx
from open_inference.openapi.client import InferenceRequest, OpenInferenceClient
from open_inference.openapi.core.api_error import ApiError


def clients(told):
    headers = {"Authorization": "Bearer " + told["key"]}
    return {
        False: OpenInferenceClient(base_url=told["url"]),
        True: OpenInferenceClient(
            base_url=told["url"], httpx_client=httpx.Client(headers=headers, timeout=60)
        ),
    }


def called(verb, *arguments, **options):
    try:
        return verb(*arguments, **options)
    except ApiError as error:
        return {"status": error.status_code, "error": error.body["error"]}


def infer(client, ask):
    request = InferenceRequest(id=ask.get("id"), inputs=ask["inputs"])
    found = called(client.model_infer, ask["model"], request=request)
    if isinstance(found, dict):
        return found
    told = json.loads(found.json())
    outputs = {one["name"]: one["data"] for one in told["outputs"]}
    return {
        "id": told["id"],
        "version": told["model_version"],
        "predictions": outputs["prediction"],
        "probabilities": outputs["probabilities"],
    }


def main(told):
    both = clients(told)
    client = both[True]
    client.check_server_liveness()
    client.check_server_readiness()
    client.check_model_readiness("orchids")
    client.check_model_version_readiness("orchids", "1")
    return {
        "answers": [infer(both[bool(ask["key"])], ask) for ask in told["asks"]],
        "server": client.read_server_metadata().dict(),
        "metadata": json.loads(client.read_model_metadata("vault").json()),
        "hidden": called(both[False].read_model_metadata, "vault"),
    }


print(json.dumps(main(json.load(sys.stdin))))
