"""The challenger process: `python -m services.serving.challenger`.

It gives way: its CPU priority and its children's is low, so that on a shared machine answers come
first.
"""

import os
from typing import Final

from services.serving.adapters.scoring.limits import lower_priority
from services.serving.settings import ChallengerSettings
from understudy.runtime.bounded import ConnectionBounds
from understudy.runtime.logs import configure_logs
from understudy.runtime.server import BoundedServer

_BOUNDS: Final = ConnectionBounds(connections=100, head_seconds=10.0, head_bytes=16_384)
"""Probes and Prometheus need no more."""


def main() -> None:
    """Run until told to stop."""
    # Read by numeric libraries when they are imported, so the application comes after it.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from services.serving.app.challenger import ChallengerProcess  # noqa: PLC0415

    settings = ChallengerSettings()
    log = configure_logs("challenger", settings.log_level)
    log.info("challenger_starts", **settings.effective())
    lower_priority(settings.challenger_nice)
    app = ChallengerProcess(settings).app()
    BoundedServer(app, _BOUNDS, host=settings.host, port=settings.challenger_port).run()


if __name__ == "__main__":
    main()
