"""KServe's client of the v1 protocol."""

import asyncio
import json
import sys

from kserve import InferenceRESTClient, RESTConfig


async def answers(told):
    config = RESTConfig(protocol="v1", timeout=60)
    keyed = {"Authorization": f"Bearer {told['key']}"}
    found = {"errors": {}}
    async with InferenceRESTClient(config) as client:
        found["live"] = await client.is_server_live(told["url"])
        for name, headers in ((told["open"], None), (told["closed"], keyed)):
            body = {"instances": told["rows"]}
            answer = await client.infer(told["url"], body, model_name=name, headers=headers)
            found[name] = answer["predictions"]
            found[f"{name} is ready"] = await client.is_model_ready(told["url"], name, headers)
        body = {"instances": told["lists"]}
        answer = await client.infer(told["url"], body, model_name=told["open"])
        found["lists"] = answer["predictions"]
        refused = {
            "without a key": client.infer(told["url"], body, model_name=told["closed"]),
            "explain": client.explain(told["url"], told["open"], body),
            "wrong": client.infer(told["url"], {"instances": [{}]}, model_name=told["open"]),
        }
        for name, asking in refused.items():
            try:
                await asking
            except Exception as error:
                found["errors"][name] = str(error)
    return found


print(json.dumps(asyncio.run(answers(json.load(sys.stdin)))))
