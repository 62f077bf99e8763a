"""Structured log lines on standard output: one JSON object each, event name first."""

import logging
import sys
import traceback
from typing import Any

import structlog

Logger = structlog.stdlib.BoundLogger

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]

# The values of local variables stay out of tracebacks: rows and keys are among them.
_TRACEBACKS = structlog.processors.ExceptionRenderer(
    structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
)


def without_message(error: BaseException) -> dict[str, object]:
    """What a log line may tell of an error whose message may hold a caller's values."""
    return {
        "error_type": f"{type(error).__module__}.{type(error).__qualname__}",
        "frames": [
            f"{frame.filename}:{frame.lineno} in {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__, limit=-20)
        ],
    }


def configure_logs(service: str, level: str = "INFO") -> Logger:
    """Send structlog's and the standard library's records to stdout; returns a bound logger."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _TRACEBACKS,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # httpx logs every request at INFO; ours are logged by the one who makes them, when it matters.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logger: Logger = structlog.stdlib.get_logger(service).bind(service=service)
    return logger
