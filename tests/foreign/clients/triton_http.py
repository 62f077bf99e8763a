"""NVIDIA's client of Triton over HTTP."""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

TYPES = {"FP64": np.float64, "INT64": np.int64, "BOOL": np.bool_, "BYTES": np.object_}


def tensor(told, binary):
    found = triton.InferInput(told["name"], told["shape"], told["datatype"])
    array = np.array(told["data"], dtype=TYPES[told["datatype"]]).reshape(told["shape"])
    found.set_data_from_numpy(array, binary_data=binary)
    return found


def listed(array):
    return [one.decode() if isinstance(one, bytes) else one for one in array.ravel().tolist()]


def headers(key):
    return {"X-API-Key": key} if key else None


def refusal(error):
    return {"status": error.status(), "error": error.message()}


def infer(client, ask):
    names = ask.get("outputs", ["prediction", "probabilities"])
    wanted = [triton.InferRequestedOutput(name, binary_data=ask["binary"]) for name in names]
    try:
        found = client.infer(
            ask["model"],
            [tensor(one, ask["binary"]) for one in ask["inputs"]],
            model_version=ask.get("version", ""),
            outputs=wanted if ask.get("choose", True) else None,
            request_id=ask.get("id", ""),
            headers=headers(ask["key"]),
            request_compression_algorithm=ask.get("packed"),
        )
    except InferenceServerException as error:
        return refusal(error)
    response = found.get_response()
    return {
        "id": response["id"],
        "version": response["model_version"],
        "predictions": listed(found.as_numpy("prediction")),
        "probabilities": listed(found.as_numpy("probabilities")),
    }


def called(verb, *arguments, **options):
    try:
        return verb(*arguments, **options)
    except InferenceServerException as error:
        return refusal(error)


def main(told):
    client = triton.InferenceServerClient(told["url"].removeprefix("http://"))
    key = headers(told["key"])
    answers = [infer(client, ask) for ask in told["asks"]]
    return {
        "answers": answers,
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "server": client.get_server_metadata(),
        "models": {
            "flowers": client.is_model_ready("flowers"),
            "version": client.is_model_ready("flowers", "1"),
            "no_version": client.is_model_ready("flowers", "9"),
            "orchids": client.is_model_ready("orchids"),
            "orchids_with_key": client.is_model_ready("orchids", headers=key),
        },
        "metadata": client.get_model_metadata("loans"),
        "metadata_of_version": client.get_model_metadata("vault", "1", headers=key),
        "hidden_metadata": called(client.get_model_metadata, "vault"),
        "config": client.get_model_config("loans"),
        "index": client.get_model_repository_index(),
        "index_with_key": client.get_model_repository_index(headers=key),
        "statistics": client.get_inference_statistics("flowers"),
        "statistics_of_version": client.get_inference_statistics("flowers", "1"),
        "all_statistics": client.get_inference_statistics(headers=key),
        "load": called(client.load_model, "flowers"),
        "shared_memory": called(client.get_system_shared_memory_status),
    }


print(json.dumps(main(json.load(sys.stdin))))
