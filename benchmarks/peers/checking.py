"""Does a server answer, and rightly? Asked once with every request before anything is measured."""

import socket
import time
from collections.abc import Sequence
from http.client import HTTPException, HTTPResponse
from typing import Final

import numpy as np

from benchmarks.peers.server import Running
from benchmarks.peers.workload import Question

TOLERANCE: Final = 1e-5
"""Of a probability: runners that compute in float32 are within it."""
_TIMEOUT_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.2
_LENGTH_SLACK: Final = 0.1
"""Digits of an answer may differ from one time to the next, whole members may not."""


class WrongAnswerError(Exception):
    """A server does not answer, or not what its model says."""


def await_answer(running: Running, request: bytes, deadline_seconds: float) -> None:
    """Wait until the server answers one request with 200. Raises WrongAnswerError."""
    deadline = time.monotonic() + deadline_seconds
    problem = "nothing"
    while time.monotonic() < deadline:
        if not running.tree.members():
            raise WrongAnswerError("it ended while it was starting")
        try:
            ask(running.port, [request])
        except (OSError, HTTPException, WrongAnswerError) as error:
            problem = repr(error)
        else:
            return
        time.sleep(_LOOK_SECONDS)
    raise WrongAnswerError(f"not ready after {deadline_seconds:g} s: {problem}")


def check(
    running: Running, questions: Sequence[Question], requests: Sequence[bytes]
) -> tuple[int, int]:
    """Compare all answers with what is right. Raises WrongAnswerError.

    Returns the shortest and the longest body, bytes, that a good answer may have.
    """
    answers = ask(running.port, requests)
    for question, answer in zip(questions, answers, strict=True):
        _compare(running, question, answer)
    lengths = [len(answer) for answer in answers]
    return int(min(lengths) * (1 - _LENGTH_SLACK)), int(max(lengths) * (1 + _LENGTH_SLACK))


def ask(port: int, requests: Sequence[bytes]) -> list[bytes]:
    """Send requests one after the other; the bodies of the answers. Raises WrongAnswerError."""
    answers = list[bytes]()
    with socket.create_connection(("127.0.0.1", port), _TIMEOUT_SECONDS) as connection:
        for request in requests:
            connection.sendall(request)
            response = HTTPResponse(connection)
            response.begin()
            body = response.read()
            if response.status != 200:
                raise WrongAnswerError(f"{response.status}: {body[:500]!r}")
            answers.append(body)
    return answers


def _compare(running: Running, question: Question, answer: bytes) -> None:
    try:
        found = running.read(answer)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise WrongAnswerError(f"{error!r} in {answer[:500]!r}") from error
    if found is None:
        return
    if len(found) != len(question.right):
        raise WrongAnswerError(f"{len(found)} answers to {len(question.right)} rows")
    off = float(np.abs(np.asarray(found) - question.right).max())
    if not off <= TOLERANCE:
        raise WrongAnswerError(f"{off:g} off: {answer[:500]!r}")
