"""What is asked: whole HTTP requests over many different rows, and what is right for each."""

import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.peers.models import Floats, Model

REQUESTS: Final = 1_024
BATCH_REQUESTS: Final = 128
SEED: Final = 7

Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Question:
    """The rows of one request, shape (rows, features), and the right probabilities of class 1."""

    rows: Floats
    right: Floats


def questions(model: Model, rows_per_request: int) -> list[Question]:
    """Different for each request, the same for every server."""
    count = REQUESTS if rows_per_request == 1 else BATCH_REQUESTS
    rows = model.draw(count * rows_per_request, SEED)
    right = model.probabilities(rows)
    edges = range(0, len(rows), rows_per_request)
    return [
        Question(rows[at : at + rows_per_request], right[at : at + rows_per_request])
        for at in edges
    ]


def compact(body: object) -> bytes:
    """JSON without spaces, as client libraries send it."""
    return json.dumps(body, separators=(",", ":")).encode()


def post(path: str, body: bytes, headers: Headers | None = None) -> bytes:
    """One HTTP/1.1 request."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in (headers or {}).items()),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def write_requests(file: Path, requests: Iterable[bytes]) -> None:
    """As the generator reads them: each behind its length, 4 bytes, little-endian."""
    with file.open("wb") as out:
        for request in requests:
            out.write(struct.pack("<I", len(request)) + request)


def second_of_each(pairs: Sequence[Sequence[float]]) -> list[float]:
    """The probability of class 1 where a peer answers with both classes' probabilities."""
    return [float(pair[1]) for pair in pairs]
