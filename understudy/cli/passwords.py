"""Passwords as people type them: hidden and twice, or one line of standard input."""

import sys
from typing import Annotated, Final

import typer

_LONGEST_LINE: Final = 10_000

PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


def asked_password(*, stdin: bool) -> str:
    """Never an argument: those are seen by everybody on the machine."""
    if stdin:
        return sys.stdin.readline(_LONGEST_LINE).rstrip("\r\n")
    typed: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return typed
