"""The challenger process: `python -m services.serving.challenger`.

It gives way: its CPU priority is low, so that on a shared machine answers come first.
"""

import contextlib
import os
from pathlib import Path

import uvicorn

from services.serving.settings import ChallengerSettings
from understudy.runtime.logs import configure_logs


def main() -> None:
    """Run until told to stop."""
    # Read by numeric libraries when they are imported, so the application comes after it.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from services.serving.app.challenger import ChallengerProcess  # noqa: PLC0415

    settings = ChallengerSettings()
    log = configure_logs("challenger", settings.log_level)
    log.info("challenger_starts", **settings.effective())
    lower_priority(settings.challenger_nice)
    uvicorn.run(
        ChallengerProcess(settings).app(),
        host=settings.host,
        port=settings.challenger_port,
        log_config=None,
        access_log=False,
        server_header=False,
    )


def lower_priority(nice: int) -> None:
    """Give way to other processes, also to those outside our session's scheduling group."""
    os.nice(nice)
    # Where Linux groups by session, niceness alone counts only within the group. Not everywhere.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(nice))


if __name__ == "__main__":
    main()
