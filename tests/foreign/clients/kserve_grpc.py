"""KServe's client of the Open Inference Protocol over gRPC."""

import asyncio
import json
import sys

import grpc
import numpy as np
from kserve import InferenceGRPCClient, InferInput, InferRequest

TYPES = {"FP64": np.float64, "INT64": np.int64, "BOOL": np.bool_, "BYTES": np.object_}


def tensor(told, binary):
    found = InferInput(told["name"], told["shape"], told["datatype"])
    array = np.array(told["data"], dtype=TYPES[told["datatype"]]).reshape(told["shape"])
    found.set_data_from_numpy(array, binary_data=binary)
    return found


def listed(array):
    return [one.decode() if isinstance(one, bytes) else one for one in array.ravel().tolist()]


def headers(key):
    return (("authorization", "Bearer " + key),) if key else ()


async def called(verb, *arguments, **options):
    try:
        return await verb(*arguments, **options)
    except grpc.RpcError as error:
        return {"status": error.code().name, "error": error.details()}


async def infer(client, ask):
    tensors = [tensor(one, ask["binary"]) for one in ask["inputs"]]
    request = InferRequest(ask["model"], tensors, request_id=ask.get("id"))
    found = await called(client.infer, request, headers=headers(ask["key"]))
    if isinstance(found, dict):
        return found
    outputs = {one.name: one.as_numpy() for one in found.outputs}
    return {
        "id": found.id,
        "predictions": listed(outputs["prediction"]),
        "probabilities": listed(outputs["probabilities"]),
    }


async def main(told):
    key = headers(told["key"])
    async with InferenceGRPCClient(told["grpc"]) as client:
        return {
            "live": await client.is_server_live(),
            "ready": await client.is_server_ready(),
            "models": {
                "flowers": await called(client.is_model_ready, "flowers"),
                "orchids": await called(client.is_model_ready, "orchids"),
                "orchids_with_key": await called(client.is_model_ready, "orchids", headers=key),
                "nothing": await called(client.is_model_ready, "nothing", headers=key),
            },
            "answers": [await infer(client, ask) for ask in told["asks"]],
        }


print(json.dumps(asyncio.run(main(json.load(sys.stdin)))))
