"""The runbook, read: its sections, their parts, and the commands and queries in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.unit.deploy.promql import ROOT

FILE: Final = ROOT / "docs" / "runbook.md"
PARTS: Final = ("What it means", "How to see it", "What to do", "How to undo")

_SECTION: Final = re.compile(r"^## (\w+)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_SET: Final = re.compile(r"[A-Z_]+=.*")
_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Section:
    """What is said of one alert."""

    name: str
    text: str

    @property
    def parts(self) -> tuple[str, ...]:
        """Their titles, in order."""
        return tuple(re.findall(r"^\*\*([^*]+)\*\*", self.text, re.MULTILINE))


def sections() -> list[Section]:
    """In order."""
    return [Section(name, text) for name, text in _SECTION.findall(FILE.read_text())]


def queries() -> Iterator[str]:
    """Every line of PromQL."""
    yield from lines("promql")


def commands() -> Iterator[list[str]]:
    """Every call of `understudy`, as words."""
    for line in lines("sh"):
        if line.startswith("understudy "):
            yield shlex.split(line, comments=True)


def calls(program: str) -> Iterator[list[str]]:
    """Words behind each call of a program of the shell, up to the end of the call."""
    for line in lines("sh"):
        for call in _split(line):
            if call[: len(program.split())] == program.split():
                yield call[len(program.split()) :]


def _split(line: str) -> Iterator[list[str]]:
    """The calls of a pipe, without the variables that are set for them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&")
    lexer.whitespace_split = True
    call: list[str] = []
    for word in [*lexer, "|"]:
        if word in {"|", "||", "&&", ";"}:
            yield call
            call = []
        elif call or not _SET.fullmatch(word):
            call.append(word)


def lines(language: str) -> Iterator[str]:
    """Every line of the blocks in a language."""
    for found, text in _BLOCK.findall(FILE.read_text()):
        if found == language:
            yield from filter(None, text.splitlines())
