"""The same questions by other people's clients, each in its own protocol."""

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import urlsplit

from services.registry.pages.literals import python, python_row, text
from services.registry.pages.snippets import Asked, Snippet
from understudy.describing.dialects import tensor_type

_DTYPES: Final = {"FP64": "float64", "INT64": "int64", "BOOL": "bool_", "BYTES": "object_"}


def dialect_snippets(asked: Asked) -> Sequence[Snippet]:
    """Those that are reached from outside."""
    return tuple(_all(asked))


def _all(asked: Asked) -> Iterator[Snippet]:
    yield Snippet("triton", "Triton", "`pip install 'tritonclient[http]'`", _triton(asked))
    if asked.reached.grpc is not None:
        code = _triton_grpc(asked, asked.reached.grpc)
        yield Snippet("grpc", "gRPC", "`pip install 'tritonclient[grpc]'`", code)
    yield Snippet("kserve", "KServe v2", "`pip install kserve`", _kserve(asked))
    yield Snippet("v1", "KServe v1", "`pip install kserve`", _v1(asked))
    yield Snippet("mlflow", "MLflow", "`pip install requests`", _mlflow(asked))
    yield Snippet("sagemaker", "SageMaker", "`pip install boto3`", _sagemaker(asked))
    if asked.reached.tokens is not None:
        needs = "`pip install previsionio`: it gets a token for the key by OAuth 2."
        yield Snippet("prevision", "Prevision", needs, _prevision(asked, asked.reached.tokens))


def _triton(asked: Asked) -> str:
    where = urlsplit(asked.reached.serving)
    return _by_triton(asked, "http", where.netloc + where.path, where.scheme, "X-API-Key")


def _triton_grpc(asked: Asked, url: str) -> str:
    where = urlsplit(url)
    return _by_triton(asked, "grpc", where.netloc, where.scheme, "x-api-key")


def _by_triton(asked: Asked, way: str, place: str, scheme: str, header: str) -> str:
    secure = ", ssl=True" if scheme == "https" else ""
    headers = f", headers={{{text(header)}: {text(asked.key)}}}" if asked.keyed else ""
    return (
        "import numpy as np\n"
        f"import tritonclient.{way} as triton\n\n"
        f"client = triton.InferenceServerClient({text(place)}{secure})\n"
        "inputs = []\n"
        f"for name, datatype, values in [\n{_tensors(asked)}]:\n"
        "    tensor = triton.InferInput(name, [1], datatype)\n"
        "    tensor.set_data_from_numpy(values)\n"
        "    inputs.append(tensor)\n"
        f"answer = client.infer({text(asked.name)}, inputs{headers})\n"
        f"{_SHOW}"
    )


def _kserve(asked: Asked) -> str:
    return (
        "import asyncio\n\n"
        "import numpy as np\n"
        "from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig\n\n"
        "inputs = []\n"
        f"for name, datatype, values in [\n{_tensors(asked)}]:\n"
        "    tensor = InferInput(name, [1], datatype)\n"
        "    tensor.set_data_from_numpy(values)\n"
        "    inputs.append(tensor)\n\n\n"
        "async def ask():\n"
        '    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:\n'
        "        return await client.infer(\n"
        f"            {text(asked.reached.serving)},\n"
        f"            InferRequest({text(asked.name)}, inputs),\n"
        f"            model_name={text(asked.name)},\n"
        f"            headers={_bearer(asked)},\n"
        "        )\n\n\n"
        "answer = asyncio.run(ask())\n"
        'predictions = next(one for one in answer.outputs if one.name == "prediction")\n'
        "value = predictions.as_numpy()[0]\n"
        f"{_PRINT}"
    )


def _v1(asked: Asked) -> str:
    return (
        "import asyncio\n\n"
        "from kserve import InferenceRESTClient, RESTConfig\n\n"
        f"row = {python_row(asked.row)}\n\n\n"
        "async def ask():\n"
        '    async with InferenceRESTClient(RESTConfig(protocol="v1")) as client:\n'
        "        return await client.infer(\n"
        f"            {text(asked.reached.serving)},\n"
        '            {"instances": [row]},\n'
        f"            model_name={text(asked.name)},\n"
        f"            headers={_bearer(asked)},\n"
        "        )\n\n\n"
        'print(asyncio.run(ask())["predictions"][0])\n'
    )


def _mlflow(asked: Asked) -> str:
    url = f"{asked.reached.serving}/deployments/{asked.name}/invocations"
    return (
        "import requests\n\n"
        f"row = {python_row(asked.row)}\n"
        "answer = requests.post(\n"
        f"    {text(url)},\n"
        f"    headers={_bearer(asked)},\n"
        '    json={"dataframe_records": [row]},\n'
        "    timeout=10,\n"
        ")\n"
        "answer.raise_for_status()\n"
        'print(answer.json()["predictions"][0])\n'
    )


def _sagemaker(asked: Asked) -> str:
    adding = (
        "\n\ndef add_key(request, **_):\n"
        f'    request.headers["X-API-Key"] = {text(asked.key)}\n\n\n'
        'client.meta.events.register("before-send.sagemaker-runtime", add_key)\n'
    )
    return (
        "import json\n\n"
        "import boto3\n"
        "from botocore import UNSIGNED\n"
        "from botocore.config import Config\n\n"
        f"row = {python_row(asked.row)}\n"
        "client = boto3.client(\n"
        '    "sagemaker-runtime",\n'
        f"    endpoint_url={text(asked.reached.serving)},\n"
        '    region_name="us-east-1",  # asked for, and not used\n'
        "    config=Config(signature_version=UNSIGNED),\n"
        ")\n"
        f"{adding if asked.keyed else ''}"
        "answer = client.invoke_endpoint(\n"
        f"    EndpointName={text(asked.name)},\n"
        '    ContentType="application/json",\n'
        "    Body=json.dumps(row),\n"
        ")\n"
        'print(json.load(answer["Body"])["prediction"])\n'
    )


def _prevision(asked: Asked, tokens: str) -> str:
    plain = urlsplit(tokens).scheme == "http"
    allowed = 'os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # for http\n\n' if plain else ""
    base = f"{asked.reached.serving}/v1/deployments/{asked.name}/prevision"
    return (
        f"{'import os' + chr(10) * 2 if plain else ''}"
        "from previsionio.deployed_model import DeployedModel\n\n"
        f"{allowed}"
        f"row = {python_row(asked.row)}\n"
        "model = DeployedModel(\n"
        f"    {text(base)},\n"
        f"    {text(asked.key_id)},\n"
        f"    {text(asked.key)},\n"
        f"    {text(tokens)},\n"
        ")\n"
        'print(model.predict(row)["prediction"])\n'
    )


def _bearer(asked: Asked) -> str:
    authorization = text(f"Bearer {asked.key}")
    return f'{{"Authorization": {authorization}}}' if asked.keyed else "{}"


def _tensors(asked: Asked) -> str:
    lines = []
    for feature in asked.described.signature.features:
        datatype, value = tensor_type(feature), python(asked.row[feature.name])
        array = f"np.array([{value}], dtype=np.{_DTYPES[datatype]})"
        lines.append(f"    ({text(feature.name)}, {text(datatype)}, {array}),\n")
    return "".join(lines)


_PRINT: Final = "print(value.decode() if isinstance(value, bytes) else value)\n"
_SHOW: Final = f'value = answer.as_numpy("prediction")[0]\n{_PRINT}'
