"""NVIDIA's client of Triton over gRPC."""

import json
import sys

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

TYPES = {"FP64": np.float64, "INT64": np.int64, "BOOL": np.bool_, "BYTES": np.object_}


def tensor(told):
    found = triton.InferInput(told["name"], told["shape"], told["datatype"])
    array = np.array(told["data"], dtype=TYPES[told["datatype"]]).reshape(told["shape"])
    found.set_data_from_numpy(array)
    return found


def listed(array):
    return [one.decode() if isinstance(one, bytes) else one for one in array.ravel().tolist()]


def headers(key):
    return {"x-api-key": key} if key else None


def refusal(error):
    return {"status": error.status(), "error": error.message()}


def infer(client, ask):
    names = ask.get("outputs", ["prediction", "probabilities"])
    wanted = [triton.InferRequestedOutput(name) for name in names]
    try:
        found = client.infer(
            ask["model"],
            [tensor(one) for one in ask["inputs"]],
            model_version=ask.get("version", ""),
            outputs=wanted if ask.get("choose", True) else None,
            request_id=ask.get("id", ""),
            headers=headers(ask["key"]),
            compression_algorithm=ask.get("packed"),
        )
    except InferenceServerException as error:
        return refusal(error)
    response = found.get_response()
    return {
        "id": response.id,
        "version": response.model_version,
        "predictions": listed(found.as_numpy("prediction")),
        "probabilities": listed(found.as_numpy("probabilities")),
    }


def called(verb, *arguments, **options):
    try:
        return verb(*arguments, **options)
    except InferenceServerException as error:
        return refusal(error)


def main(told):
    client = triton.InferenceServerClient(told["grpc"])
    key = headers(told["key"])
    answers = [infer(client, ask) for ask in told["asks"]]
    return {
        "answers": answers,
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "server": client.get_server_metadata(as_json=True),
        "models": {
            "flowers": client.is_model_ready("flowers"),
            "version": client.is_model_ready("flowers", "1"),
            "orchids_with_key": client.is_model_ready("orchids", headers=key),
        },
        "no_version": called(client.is_model_ready, "flowers", "9"),
        "orchids": called(client.is_model_ready, "orchids"),
        "metadata": client.get_model_metadata("loans", as_json=True),
        "metadata_of_version": client.get_model_metadata("vault", "1", headers=key, as_json=True),
        "hidden_metadata": called(client.get_model_metadata, "vault"),
        "config": client.get_model_config("loans", as_json=True),
        "index": client.get_model_repository_index(as_json=True),
        "index_with_key": client.get_model_repository_index(headers=key, as_json=True),
        "statistics": client.get_inference_statistics("flowers", as_json=True),
        "statistics_of_version": client.get_inference_statistics("flowers", "1", as_json=True),
        "all_statistics": client.get_inference_statistics(headers=key, as_json=True),
        "load": called(client.load_model, "flowers"),
        "shared_memory": called(client.get_system_shared_memory_status),
        "trace": called(client.get_trace_settings),
        "log": called(client.get_log_settings),
    }


print(json.dumps(main(json.load(sys.stdin))))
