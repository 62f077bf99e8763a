"""How results are shown: a table for people, JSON for programs; remarks go to standard error."""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

import typer
from pydantic import BaseModel, ValidationError
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

_CONTROLS: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What a terminal obeys instead of showing: controls, turns of direction, halves of characters."""


class Format(StrEnum):
    """What `-o` takes."""

    TABLE = "table"
    JSON = "json"


def output_format(context: typer.Context) -> Format:
    """What `-o` said."""
    found = context.find_root().params.get("output")
    return Format(found) if found else Format.TABLE


def show(
    context: typer.Context, result: BaseModel | Sequence[BaseModel], table: RenderableType
) -> None:
    """Print a result in the format that was asked for."""
    if output_format(context) is Format.JSON:
        text = json.dumps(plain(result), indent=2, ensure_ascii=False)
        typer.echo(visible(text, keep="\n"))  # JSON means the same by the escapes
    elif isinstance(table, str):
        typer.echo(visible(table))
    else:
        console().print(table)


def plain(result: BaseModel | Sequence[BaseModel]) -> object:
    """What JSON can hold of it; a list stays a list."""
    if isinstance(result, BaseModel):
        return result.model_dump(mode="json")
    return [item.model_dump(mode="json") for item in result]


def make_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table without lines, so that it reads well and pipes well."""
    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    return table


def make_details(rows: Iterable[tuple[str, object]]) -> Table:
    """One thing, a line for each of its properties."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name), Text(cell(value)))
    return table


def visible(text: str, *, keep: str = "") -> str:
    """The text with its control characters written out, as names and reasons are other people's."""
    return _CONTROLS.sub(lambda m: m[0] if m[0] in keep else f"\\u{ord(m[0]):04x}", text)


def wrong_members(error: ValidationError) -> str:
    """What is wrong with a body, member by member."""
    return "; ".join(
        f"{'.'.join(str(step) for step in e['loc']) or 'file'}: {said(e['msg'])}"
        for e in error.errors(include_url=False, include_input=False)
    )


def said(message: str) -> str:
    """What a check of ours says, without the words that pydantic puts before it."""
    return message.removeprefix("Value error, ")


def cell(value: object) -> str:
    """One value in words, fit to be shown."""
    return visible(_words(value))


def _words(value: object) -> str:
    match value:
        case None | () | "":
            return "–"
        case datetime():
            return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        case tuple():
            return ", ".join(str(item) for item in value)
        case _:
            return str(value)


def console() -> Console:
    """Standard output; wide enough for whole lines when nobody watches."""
    # Names, summaries and reasons are other people's: brackets and colons in them are text.
    made = Console(highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = 200
    return made


def remark(text: str) -> None:
    """Tell a person something that is not the result."""
    typer.echo(visible(text, keep="\n"), err=True)
