"""The audit trail."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Group, RenderableType

from understudy.cli import history
from understudy.cli.connections import connections
from understudy.cli.key_names import names_of_keys
from understudy.cli.output import Format, make_details, make_table, output_format, show
from understudy.cli.policies import changes, described
from understudy.contracts.history import Verification
from understudy.contracts.policy import Policy
from understudy.contracts.vocabulary import DIGEST_PATTERN

_POLICIES: Final = frozenset({"policy", "former_policy"})


def add_to(app: typer.Typer) -> None:
    """Give the root this module's commands."""
    group = typer.Typer(rich_markup_mode="markdown")
    group.callback(invoke_without_command=True)(audit)
    group.command()(verify)
    history.add_report(group)
    app.add_typer(group, name="audit")
    history.add_to(app)


def audit(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many entries, newest first.")] = 50,
) -> None:
    """Say who did what to what, when and why, newest first; or verify it, or report on it."""
    if context.invoked_subcommand is not None:
        return
    at = connections(context)
    with at.registry() as registry:
        found = registry.audit(limit)
        who = {} if output_format(context) is Format.JSON else names_of_keys(registry, at.state_dir)
    rows = [
        (e.at, who.get(e.actor, e.actor), e.action, e.subject, _details(e.details), e.reason)
        for e in found
    ]
    show(context, found, make_table(("AT", "WHO", "DID", "TO", "DETAILS", "WHY"), rows))


def verify(
    context: typer.Context,
    head: Annotated[
        str | None,
        typer.Option(show_default=False, help="A hash that was noted; some entry must have it."),
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option(
            metavar="SEQUENCE:HASH", show_default=False, help="What was noted of one entry."
        ),
    ] = None,
) -> None:
    """Walk the whole chain of the audit trail; exit code 1 when it is broken.

    A trail that was written wholly anew is whole in itself. It is found by a hash that was noted
    elsewhere: each backup's manifest has one, and each of the registry's log lines of a change.

    Example: `understudy audit verify --expect 1772366400:9f86d081…`
    """
    with connections(context).registry() as registry:
        found = registry.verify_audit(head, expect)
    show(context, found, _verified(found))
    if not found.whole:
        raise typer.Exit(1)


def _verified(found: Verification) -> RenderableType:
    newest = found.head and f"{found.head.sequence}:{found.head.hash}"
    facts = make_details(
        (
            ("Chain", "whole" if found.whole else "BROKEN"),
            ("Entries", found.entries),
            ("From", found.first),
            ("Newest", newest),
            ("Not comparable", found.incomparable or None),
        )
    )
    if found.whole:
        return facts
    rows = [(one.kind, _entries(one.first, one.last), one.detail) for one in found.breaks]
    more = [("…", "", f"and {found.more} more")] if found.more else []
    return Group(facts, "", make_table(("BROKEN", "ENTRIES", "HOW"), [*rows, *more]))


def _entries(first: int, last: int) -> str:
    if last == 0:
        return "none"
    return str(first) if first == last else f"{first} to {last}"


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
