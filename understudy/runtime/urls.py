"""URLs: as they may be shown, and whether somebody can listen in."""

import re
from typing import Final
from urllib.parse import urlsplit

_PASSWORD: Final = re.compile(r"(://[^:/@\s]*:)\S*@")
_PARAMETER: Final = re.compile(r"((?:pass|secret|token|key)\w*=)[^&\s]*", re.IGNORECASE)
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def without_passwords(text: str) -> str:
    """A URL, or a text with some in it, with stars for what is secret of them."""
    return _PARAMETER.sub(r"\1***", _PASSWORD.sub(r"\1***@", text))


def safe_url(url: object) -> bool:
    """Whether nobody listens in between: https, or this machine."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (
        parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    )
