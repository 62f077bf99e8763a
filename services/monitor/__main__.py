"""`python -m services.monitor`: starts the monitor."""

import uvicorn

from services.monitor.app import create_app
from services.monitor.settings import MonitorSettings
from understudy.runtime.logs import configure_logs


def main() -> None:
    """Serve until told to stop."""
    settings = MonitorSettings()
    configure_logs("monitor", settings.log_level).info("starting", **settings.effective())
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.monitor_port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=5,
    )


if __name__ == "__main__":
    main()
