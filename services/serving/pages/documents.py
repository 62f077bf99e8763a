"""The templates of serving's pages, their style sheet and script."""

from pathlib import Path
from typing import Final

from understudy.runtime.documents import Documents

_ASSETS: Final = {
    "form.css": "text/css",
    "form.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


def documents() -> Documents:
    """Read them. Assets are relative to /{deployment}/form, so a proxy may add a path."""
    return Documents(Path(__file__).parent.parent, _ASSETS, static="../static")
