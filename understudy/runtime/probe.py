"""`python -m understudy.runtime.probe URL`: exits with 0 when the URL answers 200, else with 1.

For health checks in images without curl, and, with `--wait SECONDS`, for scripts that have just
started a service. Only of the standard library, for it runs every few seconds beside a service.
"""

import argparse
import http.client
import math
import sys
import time
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_SECONDS: Final = 4.0
_PAUSE_SECONDS: Final = 0.2


def why_unwell(url: str, seconds: float = _SECONDS) -> str | None:
    """None when `url` (http) answers with 200, else what it says instead."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        return f"{url} is no http address"
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=seconds)
    try:
        place = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection.request("GET", place, headers={"Connection": "close"})
        answer = connection.getresponse()
        said = answer.read(2_000).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"{url}: {error!r}"
    finally:
        connection.close()
    return None if answer.status == http.client.OK else f"{url}: {answer.status} {said}"


def still_unwell(url: str, wait_seconds: float) -> str | None:
    """Ask until `url` answers with 200 or the time is up; at least once. As `why_unwell`."""
    until = time.monotonic() + wait_seconds
    while True:
        said = why_unwell(url)
        if said is None or time.monotonic() >= until:
            return said
        time.sleep(_PAUSE_SECONDS)


def main() -> None:
    """Say on stderr what is wrong, if anything is."""
    parser = argparse.ArgumentParser("python -m understudy.runtime.probe")
    parser.add_argument("url", metavar="URL", help="http address that should answer 200")
    parser.add_argument(
        "--wait", type=_seconds, default=0.0, metavar="SECONDS", help="ask again for so long"
    )
    stated = parser.parse_args()
    sys.exit(still_unwell(stated.url, stated.wait))


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise argparse.ArgumentTypeError(f"'{text}' is not a number of seconds")
    return seconds


if __name__ == "__main__":
    main()
