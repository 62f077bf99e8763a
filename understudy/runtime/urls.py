"""URLs as they may be shown."""

import re
from typing import Final

_PASSWORD: Final = re.compile(r"(://[^:/@\s]*:)\S*@")
_PARAMETER: Final = re.compile(r"((?:pass|secret|token|key)\w*=)[^&\s]*", re.IGNORECASE)


def without_passwords(text: str) -> str:
    """A URL, or a text with some in it, with stars for what is secret of them."""
    return _PARAMETER.sub(r"\1***", _PASSWORD.sub(r"\1***@", text))
