"""KServe's client of the Open Inference Protocol over HTTP."""

import asyncio
import json
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

TYPES = {"FP64": np.float64, "INT64": np.int64, "BOOL": np.bool_, "BYTES": np.object_}


def tensor(told, binary):
    found = InferInput(told["name"], told["shape"], told["datatype"])
    array = np.array(told["data"], dtype=TYPES[told["datatype"]]).reshape(told["shape"])
    found.set_data_from_numpy(array, binary_data=binary)
    return found


def listed(array):
    return [one.decode() if isinstance(one, bytes) else one for one in array.ravel().tolist()]


async def infer(client, url, ask):
    request = InferRequest(
        ask["model"],
        [tensor(one, ask["binary"]) for one in ask["inputs"]],
        request_id=ask.get("id"),
        parameters={"binary_data_output": ask["binary"]},
    )
    headers = {"Authorization": "Bearer " + ask["key"]} if ask["key"] else {}
    try:
        found = await client.infer(url, request, model_name=ask["model"], headers=headers)
    except httpx.HTTPStatusError as error:
        return {"status": error.response.status_code, "error": str(error)}
    outputs = {one.name: one.as_numpy() for one in found.outputs}
    return {
        "id": found.id,
        "predictions": listed(outputs["prediction"]),
        "probabilities": listed(outputs["probabilities"]),
    }


async def main(told):
    url, key = told["url"], {"Authorization": "Bearer " + told["key"]}
    async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=60)) as client:
        return {
            "live": await client.is_server_live(url),
            "ready": await client.is_server_ready(url),
            "models": {
                "flowers": await client.is_model_ready(url, "flowers"),
                "orchids": await client.is_model_ready(url, "orchids"),
                "orchids_with_key": await client.is_model_ready(url, "orchids", headers=key),
                "nothing": await client.is_model_ready(url, "nothing", headers=key),
            },
            "answers": [await infer(client, url, ask) for ask in told["asks"]],
        }


print(json.dumps(asyncio.run(main(json.load(sys.stdin)))))
