"""Coverage-guided fuzzing of everything that reads a body: `make fuzz`.

The first two bytes of an input choose the path and the headers, the rest is the body. What answers
is the service's own application over real operations, with a model that is a rule. A run fails on
an exception, on a status of 5xx but 501, on a body that is no JSON, and when memory grows beyond
its bound. Half of the mutations are of bytes, half change one value of the JSON, so that what
stands behind the parser is reached too.
"""

import asyncio
import gzip
import json
import logging
import struct
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final

import atheris
import psutil
import structlog

with atheris.instrument_imports(include=["services.serving"]):
    from tests.fuzz.target import DEPLOYMENTS, Target

GROWTH_BYTES: Final = 200 << 20
"""Beyond what the process holds once every path was asked."""
_LOOK_EVERY: Final = 5_000
_JSON: Final = [(b"content-type", b"application/json")]
_CSV: Final = [(b"content-type", b"text/csv")]
_LENGTH: Final = b"inference-header-content-length"

_NAMES: Final = (
    *("shape", "data", "datatype", "name", "parameters", "outputs", "id", "rows", "params"),
    *("binary_data_size", "binary_data", "binary_data_output", "classification", "instances"),
    *("length", "width", "age", "columns", "label", "attributes", ""),
)
_VALUES: Final[Sequence[Any]] = (
    *(None, True, False, 0, -1, 1, 2, 1.5, 1e308, 2**31, 2**63, 2**64, -(2**63), 10**400),
    *("", "1.5", "true", "\0", "é", "FP16", "BYTES", "INT64", "UINT8", "BOOL", "x" * 2_000),
    *([], {}, [1.5], [[1.5, 2.5]], [1, 2], [2**40, 2**40], [-1], [0], ["a"], [None], {"a": {}}),
    *([[[[[[[[]]]]]]]], [1.5] * 100),
)

PATHS: Final = tuple(
    path.format(name)
    for name in DEPLOYMENTS
    for path in (
        "/v2/models/{}/infer",
        "/v1/deployments/{}/predict",
        "/v1/models/{}:predict",
        "/deployments/{}/invocations",
        "/endpoints/{}/invocations",
        "/v1/deployments/{}/prevision/predict",
        "/v1/deployments/{}/labels",
        "/v1/deployments/{}/protected",
        "/v1/deployments/{}/predictions",
    )
)


def headers_of(choice: int, body: bytes) -> list[tuple[bytes, bytes]]:
    """Types, encodings, and header lengths that are right, or lie."""
    told = _CSV if choice & 0b11 == 0b11 else _JSON
    if choice & 0b100:
        end = body.find(b"}\n")  # seeds end their JSON so
        length = end + 1 if end >= 0 else choice * 7
        told = [*told, (_LENGTH, str(length + (choice & 0b1000) - (choice & 0b1)).encode())]
    if choice & 0b10000:
        told = [*told, (b"content-encoding", b"gzip" if choice & 0b100000 else b"deflate")]
    return told


def seeds() -> Sequence[bytes]:
    """An input for each path, of each form that it takes."""
    row, loan = {"length": 1.5, "width": 2.5}, {"income": 3e4, "age": 40, "purpose": "car"}
    loan |= {"employed": True, "town": "Ghent"}
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, 2]}
    columns = [
        {"name": name, "datatype": "FP64", "shape": [1], "data": [value]}
        for name, value in row.items()
    ]
    binary = {"inputs": [{**tensor, "parameters": {"binary_data_size": 8}}]}
    texts = {"inputs": [{"name": "town", "datatype": "BYTES", "shape": [1], "data": ["Ghent"]}]}
    bodies: list[bytes] = [
        *(json.dumps(each).encode() for each in (row, [row, row], {"rows": [row]}, loan)),
        *(json.dumps({name: [row]}).encode() for name in ("instances", "dataframe_records")),
        json.dumps({"dataframe_split": {"columns": [*row], "data": [[*row.values()]]}}).encode(),
        json.dumps({"inputs": {name: [value] for name, value in row.items()}}).encode(),
        json.dumps({"inputs": [{**tensor, "data": [[1.5, 2.5]]}], "id": "a"}).encode(),
        json.dumps({"inputs": columns, "outputs": [{"name": "prediction"}]}).encode(),
        json.dumps(texts).encode(),
        json.dumps(binary).encode() + b"\n" + struct.pack("<2f", 1.5, 2.5),
        b"length,width\n1.5,2.5\n",
        b'{"length": 1.5, "length": 2.5, "width": NaN}',
        b"[" * 2_000,
        json.dumps({"prediction_id": "a", "label": "setosa"}).encode(),
        json.dumps({"prediction_id": "a", "attributes": {"sex": "f"}}).encode(),
    ]
    bodies += [gzip.compress(bodies[0])]
    return [
        bytes((path, choice)) + body
        for path in range(len(PATHS))
        for body in bodies
        for choice in (0, 0b11, 0b100, 0b110000)
    ]


class Fuzzing:
    """Runs inputs, and watches the process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._target = self._loop.run_until_complete(Target.begin())
        self._process = psutil.Process()
        self._runs = 0
        self._first_bytes = 0
        self._statuses: dict[int, int] = {}

    def one(self, data: bytes) -> None:
        """One input."""
        if len(data) < 2:
            return
        path, body = PATHS[data[0] % len(PATHS)], data[2:]
        asked = self._target.post(path, headers_of(data[1], body), body)
        status, answer = self._loop.run_until_complete(asked)
        self._statuses[status] = self._statuses.get(status, 0) + 1
        if status >= 500 and status != 501:
            raise AssertionError(f"{path} answered {status}: {answer[:300]!r}")
        if status != 200 or data[1] & 0b11 != 0b11:
            _ = _decoded(answer)
        self._runs += 1
        if self._runs % _LOOK_EVERY == 0:
            self._look()

    def _look(self) -> None:
        held: int = self._process.memory_info().rss
        self._first_bytes = self._first_bytes or held
        told = {"runs": self._runs, "rss_mb": held >> 20, "statuses": self._statuses}
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()
        if held > self._first_bytes + GROWTH_BYTES:
            raise AssertionError(f"memory grew from {self._first_bytes >> 20} to {held >> 20} MB")


def _decoded(answer: bytes) -> Any:
    head, _, _ = answer.partition(b"\n")
    try:
        return json.loads(answer)
    except (ValueError, UnicodeDecodeError):
        return json.JSONDecoder().raw_decode(head.decode("utf-8", "replace"))


def mutated(data: bytes, most: int, seed: int) -> bytes:
    """The input with other bytes, or with another value somewhere in its JSON."""
    random = Random(seed)
    body, end = data[2:], data.find(b"}\n")
    head, tail = (body, b"") if end < 0 else (data[2 : end + 1], data[end + 1 :])
    try:
        tree = json.loads(head) if random.random() < 0.5 else None
    except (ValueError, RecursionError):
        tree = None
    if tree is None:
        return bytes(atheris.Mutate(data, most))
    choice = data[1] ^ (1 << random.randrange(8)) if random.random() < 0.2 else data[1]
    written = json.dumps(_changed(tree, random)).encode()
    return (bytes((data[0], choice)) + written + tail)[:most]


def _changed(tree: Any, random: Random) -> Any:
    """One value, anywhere, is another one."""
    if isinstance(tree, dict) and tree and random.random() < 0.8:
        name = random.choice([*tree])
        if random.random() < 0.1:
            return {other: value for other, value in tree.items() if other != name}
        if random.random() < 0.1:
            return {**tree, random.choice(_NAMES): tree[name]}
        return {**tree, name: _changed(tree[name], random)}
    if isinstance(tree, list) and tree and random.random() < 0.8:
        place = random.randrange(len(tree))
        return [*tree[:place], _changed(tree[place], random), *tree[place + 1 :]]
    return random.choice(_VALUES)


def main() -> None:
    """`decoders.py FOLDER [libFuzzer options]`: inputs that were interesting stay in the folder."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    corpus = Path(sys.argv[1])
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number:04}").write_bytes(seed)
    fuzzing = Fuzzing()
    atheris.Setup(sys.argv, fuzzing.one, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
