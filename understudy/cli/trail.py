"""The audit trail."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

import typer
from pydantic import TypeAdapter, ValidationError

from understudy.cli.connections import connections
from understudy.cli.key_names import names_of_keys
from understudy.cli.output import Format, make_table, output_format, show
from understudy.cli.policies import changes, described
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
    at = connections(context)
    with at.registry() as registry:
        found = registry.audit(limit)
        who = {} if output_format(context) is Format.JSON else names_of_keys(registry, at.state_dir)
    rows = [
        (e.at, who.get(e.actor, e.actor), e.action, e.subject, _details(e.details), e.reason)
        for e in found
    ]
    show(context, found, make_table(("AT", "WHO", "DID", "TO", "DETAILS", "WHY"), rows))


def _details(details: Mapping[str, object]) -> str:
    changed = _changed(details)
    told = [
        f"{name.replace('_', ' ')} {_short(name, value)}"
        for name, value in details.items()
        if value is not None and not (changed is not None and name in _POLICIES)
    ]
    return ", ".join([*told, *([changed] if changed else [])])


def _changed(details: Mapping[str, object]) -> str | None:
    """What a policy has in place of the former one's; None where not both can be read."""
    former, policy = (_read(details.get(name)) for name in ("former_policy", "policy"))
    if former is None or policy is None:
        return None
    found = changes(former, policy)
    return f"policy: {'; '.join(found)}" if found else ""


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
    found = _read(value)
    return "(see -o json)" if found is None else described(found) or "the defaults"


def _read(value: object) -> Policy | None:
    try:
        return TypeAdapter(Policy).validate_python(value)
    except ValidationError:  # absent, or of another version of Understudy
        return None
