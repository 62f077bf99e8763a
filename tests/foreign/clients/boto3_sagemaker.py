"""The runtime client of SageMaker, unsigned, with a key by an event hook."""

import csv
import io
import json
import sys

import boto3
from botocore import UNSIGNED
from botocore.config import Config


def runtime(key=None):
    config = Config(signature_version=UNSIGNED, retries={"max_attempts": 1})
    client = boto3.client(
        "sagemaker-runtime", endpoint_url=told["url"], region_name="eu-west-1", config=config
    )
    if key is not None:

        def add_key(request, **_others):
            request.headers["X-API-Key"] = key

        client.meta.events.register("before-send.sagemaker-runtime", add_key)
    return client


def predictions(answer):
    return [one["prediction"] for one in json.load(answer["Body"])["predictions"]]


told = json.load(sys.stdin)
text = io.StringIO()
csv.writer(text).writerows(told["lists"])
stranger, member = runtime(), runtime(told["key"])
body, kind = json.dumps(told["rows"]), "application/json"
found, errors = {}, {}

answer = stranger.invoke_endpoint(EndpointName=told["open"], ContentType=kind, Body=body)
found["json"] = predictions(answer)
answer = stranger.invoke_endpoint(EndpointName=told["open"], Body=body)
found["no type"] = predictions(answer)
instances = json.dumps({"instances": told["lists"]})
answer = member.invoke_endpoint(EndpointName=told["closed"], ContentType=kind, Body=instances)
found["with a key"] = predictions(answer)
answer = stranger.invoke_endpoint(
    EndpointName=told["open"], ContentType="text/csv", Accept="text/csv", Body=text.getvalue()
)
lines = answer["Body"].read().decode().splitlines()
found["csv"] = [json.loads(line) if line.isdigit() else line for line in lines]
one = stranger.invoke_endpoint(
    EndpointName=told["open"],
    ContentType=kind,
    InferenceId="mine",
    Body=json.dumps(told["rows"][0]),
)
for name, client, endpoint in (("without a key", stranger, "closed"), ("wrong", member, "open")):
    try:
        client.invoke_endpoint(EndpointName=told[endpoint], ContentType=kind, Body=b"[{}]")
    except Exception as error:
        errors[name] = str(error)
variant = one["InvokedProductionVariant"]
print(json.dumps({"found": found, "errors": errors, "one": json.load(one["Body"]), "by": variant}))
