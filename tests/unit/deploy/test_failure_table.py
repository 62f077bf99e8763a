"""docs/failures.md promises nothing that no test causes."""

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
TEXT: Final = (ROOT / "docs" / "failures.md").read_text()
_REFERENCE: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def table(first_header: str, second_header: str) -> dict[str, str]:
    """Rows of the table with these headers: the first cell, and the line."""
    lines = TEXT.splitlines()
    begin = lines.index(
        next(line for line in lines if line.startswith(f"| {first_header} | {second_header} "))
    )
    rows: dict[str, str] = {}
    for line in lines[begin + 2 :]:
        if not line.startswith("|"):
            break
        rows[line.split("|")[1].strip()] = line
    return rows


PROMISED: Final = table("down, or slow", "predictions")
PROVED: Final = table("down, or slow", "comes back")


@cache
def functions_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, kinds))


def test_each_fault_has_its_proof() -> None:
    assert list(PROMISED) == list(PROVED)
    assert len(PROMISED) > 15


@pytest.mark.parametrize("fault", PROVED)
def test_its_tests_are_there(fault: str) -> None:
    named = _REFERENCE.findall(PROVED[fault])
    assert named
    missing = [f"{file}::{name}" for file, name in named if name not in functions_of(file)]
    assert missing == []
