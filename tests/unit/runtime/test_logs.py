"""Log lines are JSON, and a traceback tells where, never what."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from understudy.runtime.logs import configure_logs


@pytest.fixture(autouse=True)
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_tracebacks_hold_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    log = configure_logs("test")
    key = "us_0123456789ab_secret"
    try:
        int(key[:3])
    except ValueError:
        log.exception("failed")
    line = capsys.readouterr().out
    assert key not in line
    (error,) = json.loads(line)["exception"]
    assert (error["exc_type"], error["frames"][0]["name"]) == (
        "ValueError",
        "test_tracebacks_hold_no_values",
    )
