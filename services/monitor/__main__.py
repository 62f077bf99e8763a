"""`python -m services.monitor`: starts the monitor."""

import sys

import uvicorn
from fastapi import FastAPI

from services.monitor.app import create_app, verify
from services.monitor.domain.errors import OutcomesUnavailableError, UnknownOutcomesError
from services.monitor.settings import MonitorSettings
from understudy.runtime.logs import configure_logs


def main() -> None:
    """Serve until told to stop; exit with 1 and one line when the surroundings are wrong."""
    _without_pandas()
    settings = MonitorSettings()
    configure_logs("monitor", settings.log_level).info("starting", **settings.effective())
    uvicorn.run(
        _app(settings),
        host=settings.host,
        port=settings.monitor_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )


def _app(settings: MonitorSettings) -> FastAPI:
    try:
        verify(settings)
        return create_app(settings)
    except (OutcomesUnavailableError, UnknownOutcomesError) as error:
        sys.exit(f"The monitor can't start: {error}")


def _without_pandas() -> None:
    """Arrow imports pandas where it is installed, to see whether what it is given is a frame.

    Nothing here is one, and it would take 45 MB. Children import it for themselves.
    """
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]  # an import then fails


if __name__ == "__main__":
    main()
