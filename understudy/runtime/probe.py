"""`python -m understudy.runtime.probe URL`: exits with 0 when the URL answers 200, else with 1.

For health checks in images without curl. Only of the standard library, for it runs every few
seconds beside a service.
"""

import http.client
import sys
from typing import Final
from urllib.parse import urlsplit, urlunsplit

_SECONDS: Final = 4.0


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


def main() -> None:
    """Say on stderr what is wrong, if anything is."""
    if len(sys.argv) != 2:  # its own name and the URL
        sys.exit("usage: python -m understudy.runtime.probe URL")
    sys.exit(why_unwell(sys.argv[1]))


if __name__ == "__main__":
    main()
