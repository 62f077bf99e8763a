"""What is installed, for protocols that ask a server for its version."""

from importlib.metadata import PackageNotFoundError, version
from typing import Final

NAME: Final = "understudy"
_UNKNOWN: Final = "0.0.0"
"""Images hold the source alone, without a distribution."""


def installed() -> str:
    """The version of the distribution."""
    try:
        return version(NAME)
    except PackageNotFoundError:
        return _UNKNOWN
