"""What serving and the challenger process are told."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from understudy.contracts.vocabulary import NAME_PATTERN
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
    serving_grpc_port: Port | None = None
    """Port for the Open Inference Protocol over gRPC, at the address `host`; none when not set."""
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
    serving_default_deployment: Annotated[str, Field(pattern=NAME_PATTERN)] | None = None
    """The deployment that answers `/invocations`; without it, the only one that the caller
    reaches."""
    log_buffer_rows: Count = 200_000
    """Rows that one worker holds until they are safe; requests with further ones are refused."""
    log_buffer_bytes: Count = 268_435_456
    """About how much memory one worker gives to those rows; whichever bound is met first holds."""
    log_relaxed_milliseconds: Annotated[float, Field(ge=0)] = 10.0
    """How long rows of `relaxed` deployments may gather before they are written."""
    log_relaxed_rows: Count = 2_000
    """Rows that one worker may have answered ahead of the log, hence loses when it is killed."""
    log_spool_after_seconds: Seconds = 0.25
    """How long Redis may take to write rows before they go to the disk spool."""
    log_spool_bytes: Count = 1_073_741_824
    """How large the disk spool of one worker may grow, below `serving/spool` in the state folder.
    Then requests are refused."""
    log_wait_seconds: Seconds = 2.0
    """How long rows may wait for Redis, or for the disk, when the other can't take them."""
    log_drain_seconds: Seconds = 5.0
    """How long a stopping worker tries to make safe what it still holds."""


class ChallengerSettings(ModelSettings):
    """What the challenger process is told."""

    challenger_port: Port = 8704
    """Port for probes and metrics."""
    challenger_name: str = "challenger"
    """Name of the consumer; must stay the same over restarts and differ between processes."""
    challenger_entries: Annotated[int, Field(ge=1, le=5_000)] = 512
    """Log entries read at once at most."""
    challenger_rows: Count = 5_000
    """Rows scored in one call at most."""
    challenger_linger_milliseconds: Annotated[float, Field(ge=0, le=1_000)] = 20.0
    """How long entries may gather before they are read, so that calls are batches."""
    challenger_call_seconds: Seconds = 10.0
    """How long one call of a challenger may take before its process is replaced."""
    challenger_patience_seconds: Seconds = 3_600.0
    """Rows that have waited for so long are given up: their outcome is a timeout."""
    challenger_memory_bytes: Annotated[int, Field(ge=512 * 1024**2)] = 4 * 1024**3
    """Address space that one challenger's process may take."""
    challenger_timed_ratio: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Share of rows that main and challenger also answer alone, in turn, so that times compare."""
    challenger_nice: Annotated[int, Field(ge=0, le=19)] = 10
    """How much CPU priority the process and its children give up."""
    log_keep_seconds: Seconds = 86_400.0
    """How long entries of the log stay in Redis; longer while a reader is not done with them."""
    log_keep_entries: Count = 100_000
    """Entries that each stream keeps; more while a reader is not done with them."""
    log_keep_bytes: Count = 1_073_741_824
    """About how much of Redis's memory each stream keeps; more while a reader is not done."""
    log_trim_seconds: Seconds = 10.0
    """How long to pause between looks at what may be trimmed."""
    log_monitored: bool = True
    """Whether there is a monitor, so that nothing is trimmed that it has not accounted for."""
