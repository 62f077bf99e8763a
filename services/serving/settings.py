"""What serving and the challenger process are told."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from understudy.runtime.settings import FollowerSettings, Port, Seconds, ServiceSettings

Count = Annotated[int, Field(ge=1)]


class RunnerChoice(StrEnum):
    """What answers for a version."""

    AUTO = "auto"
    SKLEARN = "sklearn"


class WorkerSettings(ServiceSettings):
    """What BentoML must know before it starts a worker."""

    serving_workers: Count = 2
    """Processes that answer predictions."""


class ModelSettings(FollowerSettings):
    """What every process that loads models is told."""

    load_deadline_seconds: Seconds = 300.0
    """How long fetching, verifying, loading and warming one version may take."""
    heartbeat_seconds: Annotated[float, Field(gt=0, le=20)] = 10.0
    """How often the registry is told what is loaded."""
    runner: RunnerChoice = RunnerChoice.AUTO
    """`auto` asks the compiled twin of a version where it has one, `sklearn` never."""
    redis_timeout_seconds: Seconds = 2.0
    """How long Redis may take to connect or to answer."""


class ServingSettings(ModelSettings, WorkerSettings):
    """What a serving worker is told."""

    serving_port: Port = 8700
    """Port to listen on; `bentoml serve` is told by `--port`."""
    serving_body_limit_bytes: Count = 1_048_576
    """The largest body that is read."""
    serving_max_rows: Count = 1_000
    """Rows that one request may hold."""
    serving_start_seconds: Seconds = 60.0
    """How long a starting worker may wait for its models before it accepts connections."""
    serving_inline_seconds: Seconds = 0.002
    """Calls expected to take longer than this are scored in a thread."""
    serving_threads: Count = 2
    """Slow versions that one worker calls at the same time; each has one call under way at most."""
    serving_queue: Count = 256
    """Requests that may wait for a slow version; further ones are refused."""
    serving_requests: Count = 512
    """Requests that one worker has under way at a time; further ones are refused with 503."""
    serving_request_seconds: Seconds = 10.0
    """How long a request may take; then it is answered with 504."""
    serving_body_seconds: Seconds = 10.0
    """How long a client may take to send a body; then it is answered with 408."""
    serving_head_seconds: Seconds = 10.0
    """How long a client may take to send a request's head; then its connection is closed."""
    serving_connections: Count = 1_000
    """Connections that one worker holds; further ones are refused with 503."""
    serving_drain_seconds: Annotated[float, Field(ge=0)] = 1.5
    """How long a stopping worker goes on answering, each time asking clients to go elsewhere."""
    serving_memory_bytes: Count | None = None
    """About how much memory one worker gives to models; those used least recently are unloaded."""
    log_buffer_rows: Count = 200_000
    """Rows that one worker keeps while Redis is away; newer ones are dropped and counted."""
    log_buffer_bytes: Count = 268_435_456
    """About how much memory one worker gives to those rows; whichever bound is met first holds."""
    log_wait_seconds: Seconds = 2.0
    """How long a reply may wait for its rows to be in the log."""
    log_drain_seconds: Seconds = 5.0
    """How long a stopping worker tries to write what it still holds."""


class ChallengerSettings(ModelSettings):
    """What the challenger process is told."""

    challenger_port: Port = 8704
    """Port for probes and metrics."""
    challenger_name: str = "challenger"
    """Name of the consumer; must stay the same over restarts and differ between processes."""
    challenger_entries: Count = 32
    """Log entries scored in one call at most."""
    challenger_nice: Annotated[int, Field(ge=0, le=19)] = 10
    """How much CPU priority the process gives up."""
