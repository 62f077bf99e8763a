"""Values as they are written in the languages of snippets."""

import json
import shlex
from collections.abc import Mapping
from textwrap import indent

from understudy.contracts.vocabulary import Label

Row = Mapping[str, Label]


def text(value: str) -> str:
    """A string of Python and of JavaScript: JSON's is one in both."""
    return json.dumps(value, ensure_ascii=False)


def python(value: Label) -> str:
    """A value in Python."""
    return text(value) if isinstance(value, str) else repr(value)


def python_row(row: Row, margin: str = "") -> str:
    """A dictionary, a member a line; the lines after the first begin with the margin."""
    members = "".join(f"    {text(name)}: {python(value)},\n" for name, value in row.items())
    return "{\n" + indent(members, margin) + margin + "}"


def json_row(row: Row, margin: str = "") -> str:
    """The same as JSON, which JavaScript reads too."""
    written = json.dumps(row, indent=2, ensure_ascii=False)
    return written.replace("\n", f"\n{margin}")


def shell(value: str) -> str:
    """One word of a shell."""
    return shlex.quote(value)
