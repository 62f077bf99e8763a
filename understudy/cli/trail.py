"""The audit trail."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

import typer
from pydantic import TypeAdapter, ValidationError

from understudy.cli.connections import connections
from understudy.cli.output import make_table, show
from understudy.cli.policies import described
from understudy.contracts.policy import Policy
from understudy.contracts.vocabulary import DIGEST_PATTERN

_POLICIES: Final = frozenset({"policy", "former_policy"})


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(audit)


def audit(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many entries, newest first.")] = 50,
) -> None:
    """Say who did what to what, when and why, newest first."""
    with connections(context).registry() as registry:
        found = registry.audit(limit)
    rows = [(e.at, e.actor, e.action, e.subject, _details(e.details), e.reason) for e in found]
    show(context, found, make_table(("AT", "WHO", "DID", "TO", "DETAILS", "WHY"), rows))


def _details(details: Mapping[str, object]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {_short(name, value)}"
        for name, value in details.items()
        if value is not None
    )


def _short(name: str, value: object) -> str:
    """A digest by its beginning, a policy by what is unusual; JSON has all of it."""
    if name == "evidence" and isinstance(value, dict):
        verdict = value.get("verdict")
        return f"for {verdict} (see -o json)" if isinstance(verdict, str) else "(see -o json)"
    if name in _POLICIES:
        return _policy(value)
    text = str(value)
    return f"{text[:12]}…" if re.match(DIGEST_PATTERN, text) else text


def _policy(value: object) -> str:
    try:
        return described(TypeAdapter(Policy).validate_python(value)) or "the defaults"
    except ValidationError:  # of another version of Understudy
        return "(see -o json)"
