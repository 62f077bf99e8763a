"""Which version was main when and why, and what was done in a period."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Group, RenderableType

from understudy.cli.connections import connections
from understudy.cli.durations import moment
from understudy.cli.key_names import names_of_keys
from understudy.cli.output import Format, make_details, make_table, output_format, show
from understudy.contracts.history import Admission, AuditReport, MainAt, Omitted, ReleaseMade

DeploymentArgument = Annotated[
    str, typer.Argument(metavar="DEPLOYMENT", help="The deployment.", show_default=False)
]


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command("main")(main_at)


def add_report(group: typer.Typer) -> None:
    """Give the audit trail's group its report."""
    group.command()(report)


def main_at(
    context: typer.Context,
    deployment: DeploymentArgument,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", show_default=False, help="2026-01-31T12:00, or 24h ago as 24h; or now."
        ),
    ] = None,
) -> None:
    """Say which version was main at a moment, who decided so, and on what evidence.

    Deployments that were deleted are told of too.

    Example: `understudy main credit-risk --at 2026-01-31T12:00:00Z`
    """
    asked, here = moment("--at", at, datetime.now(UTC)), connections(context)
    with here.registry() as registry:
        found = registry.main_at(deployment, asked)
        who = {} if _as_json(context) else names_of_keys(registry, here.state_dir)
    show(context, found, _main(found, who))


def report(
    context: typer.Context,
    deployment: DeploymentArgument,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", show_default=False, help="From then on; 30d is 30 days ago."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", show_default=False, help="Before then; or now.")
    ] = None,
) -> None:
    """Say what was done to a deployment in a period, by whom, why and on what evidence.

    Example: `understudy audit report credit-risk --since 90d -o json`
    """
    now, here = datetime.now(UTC), connections(context)
    period = moment("--since", since, now), moment("--until", until, now)
    with here.registry() as registry:
        found = registry.audit_report(deployment, *period)
        who = {} if _as_json(context) else names_of_keys(registry, here.state_dir)
    show(context, found, _report(found, who))
    if not found.verification.whole:
        raise typer.Exit(1)


def _as_json(context: typer.Context) -> bool:
    return output_format(context) is Format.JSON


def _main(found: MainAt, who: Mapping[str, str]) -> RenderableType:
    decision, admission = found.decision, found.admission
    entry = decision.entry and f"{decision.entry.sequence}:{decision.entry.hash}"
    return make_details(
        (
            ("Main", f"version {found.version} of {found.model}"),
            ("At", found.at),
            ("Since", found.since),
            ("Until", found.until or "now"),
            (
                "By",
                f"{decision.kind}, release {found.release}, {who.get(decision.by, decision.by)}",
            ),
            ("Why", decision.reason),
            ("Evidence", _evidence(decision)),
            ("Entry", entry),
            ("Reviewed", None if admission is None else _admitted(admission, who)),
            ("Overridden", None if admission is None else admission.overridden),
            ("Review", None if admission is None else admission.review),
        )
    )


def _admitted(admission: Admission, who: Mapping[str, str]) -> str:
    by = who.get(admission.decided_by, admission.decided_by)
    reason = f": {admission.reason}" if admission.reason else ""
    return f"{admission.state} {admission.decided_at:%Y-%m-%d %H:%M:%S %Z}, {by}{reason}"


def _evidence(made: ReleaseMade) -> str | None:
    if made.evidence is None:
        return None
    verdict = made.evidence.get("verdict")
    return f"{verdict} (see -o json)" if isinstance(verdict, str) else "see -o json"


def _version(found: AuditReport, model: str, number: int) -> str:
    """With its model, when it is another than that of the last deployment of the name."""
    return str(number) if model == found.model else f"{model}/{number}"


def _left_out(found: Omitted) -> str | None:
    told = [f"{count} older {name}" for name, count in found if count]
    return ", ".join(told) or None


def _report(found: AuditReport, who: Mapping[str, str]) -> RenderableType:
    releases = [
        (
            r.at,
            who.get(r.by, r.by),
            r.release,
            r.kind,
            _version(found, r.model, r.main),
            r.challengers,
            _evidence(r),
            r.reason,
        )
        for r in found.releases
    ]
    decisions = [
        (
            d.decided_at,
            who.get(d.decided_by, d.decided_by),
            _version(found, d.model, d.version),
            d.state,
            d.overridden,
            d.reason,
        )
        for d in found.decisions
    ]
    keys = [(k.at, who.get(k.by, k.by), k.action, k.key, k.name, k.scopes) for k in found.keys]
    chain = found.verification
    facts = make_details(
        (
            ("Deployment", found.deployment),
            ("Model", found.model),
            ("Period", f"{found.since or 'the beginning'} to {found.until}"),
            ("Left out", _left_out(found.left_out)),
            ("Trail", f"whole, {chain.entries} entries" if chain.whole else "BROKEN: audit verify"),
            ("Newest", chain.head and f"{chain.head.sequence}:{chain.head.hash}"),
        )
    )
    mains = [
        (m.since, m.until or "now", _version(found, m.model, m.version), m.release)
        for m in found.mains
    ]
    return Group(
        facts,
        "",
        make_table(("MAIN SINCE", "UNTIL", "VERSION", "RELEASE"), mains),
        "",
        make_table(
            ("AT", "WHO", "RELEASE", "KIND", "MAIN", "CHALLENGERS", "EVIDENCE", "WHY"), releases
        ),
        "",
        make_table(("DECIDED", "WHO", "VERSION", "STATE", "AGAINST", "WHY"), decisions),
        "",
        make_table(("AT", "WHO", "DID", "KEY", "NAME", "SCOPES"), keys),
    )
