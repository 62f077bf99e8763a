"""The registry's templates, style sheet and icon."""

from pathlib import Path
from typing import Final

from understudy.runtime.documents import Documents

_ASSETS: Final = {
    "registry.css": "text/css",
    "review.css": "text/css",
    "usage.css": "text/css",
    "usage.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


def documents() -> Documents:
    """Read them. Own pages are told where a form was sent from, as browsers name its origin so."""
    folder = Path(__file__).parent.parent
    return Documents(folder, _ASSETS, static="/static", referrer="same-origin")
