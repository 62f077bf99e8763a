"""BentoML's edge: it packages, starts and supervises workers, and answers probes and `/metrics`.

Each worker serves what `to_asgi` returns. There our application stands in front of BentoML's, so
that predictions do not pass through its middleware.
Started by `bentoml serve services.serving.bento:Understudy`.
"""

import logging
import os
from pathlib import Path
from typing import Any

import attrs
import bentoml
from _bentoml_sdk import Service
from bentoml.images import Image
from starlette.types import ASGIApp

from services.serving.settings import ServingSettings, WorkerSettings
from understudy.runtime.logs import configure_logs

# Images that BentoML makes set this, and then it starts no worker anew: they would serve with fewer
# and end with the last one. It is read after this module was imported.
os.environ.pop("BENTOML_CONTAINERIZED", None)


@attrs.define(eq=False)
class FrontedService(Service[Any]):  # type: ignore[misc] # BentoML is not typed
    """A BentoML service with an application in front of it."""

    worker: Any = attrs.field(init=False, default=None)

    def to_asgi(self, is_main: bool = True) -> ASGIApp:  # noqa: FBT002 - BentoML's signature
        """What a worker serves; called once in each, after its environment is set."""
        # Metrics must not be imported before a worker's PROMETHEUS_MULTIPROC_DIR is set.
        from services.serving.app.worker import Worker  # noqa: PLC0415

        settings = ServingSettings()
        log = configure_logs("serving", settings.log_level)
        log.info("worker_starts", **settings.effective())
        # uvicorn formats a line for each request as soon as anybody would hear it.
        access = logging.getLogger("uvicorn.access")
        access.handlers, access.propagate = [], False
        self.worker = Worker(settings, super().to_asgi(is_main))
        return self.worker  # type: ignore[no-any-return]


# No distribution is named, so that no compilers are installed: every requirement has a wheel.
IMAGE = Image(
    base_image="python:3.11-slim", distro="none", python_version="3.11", lock_python_packages=False
).python_packages(*Path(__file__).with_name("requirements.txt").read_text().splitlines())
"""What `bentoml containerize` builds. The requirements are those of uv.lock, by `make lock`."""


@bentoml.service(
    name="understudy",
    image=IMAGE,
    workers=WorkerSettings().serving_workers,
    service_class=FrontedService,
    # Threads of numeric libraries make single rows slower, and workers compete already.
    envs=[{"name": "OMP_NUM_THREADS", "value": "1"}],
)
class Understudy:
    """Answers predictions of main versions; logs them for challengers and the monitor."""

    bento_service: FrontedService

    def __is_ready__(self) -> bool:
        """Readiness: a snapshot was taken up, as far as its models can be loaded."""
        return bool(self.bento_service.worker.ready)

    def __is_alive__(self) -> bool:
        """Liveness depends on nothing but this process."""
        return True
