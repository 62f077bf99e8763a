"""Reports for people: made on demand for a window, or kept since an alarm."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from understudy.cli.connections import connections
from understudy.cli.deployments import Deployment
from understudy.cli.durations import moment
from understudy.cli.figures import amount
from understudy.cli.output import make_table, remark, show
from understudy.contracts.monitor import ReportView


def add_to(app: typer.Typer) -> None:
    """Give the root this module's commands."""
    for command in (reports, report):
        app.command()(command)


def reports(
    context: typer.Context,
    *,
    deployment: Deployment,
    limit: Annotated[int | None, typer.Option(min=1, show_default=False)] = None,
) -> None:
    """List the reports that are kept, the newest first.

    Example: `understudy reports credit-risk`
    """
    with connections(context).monitor() as monitor:
        found = monitor.reports(deployment, limit)
    rows = [_row(kept) for kept in found]
    columns = ("ID", "MADE", "RELEASE", "FROM", "TO", "ROWS", "SIZE", "WHY")
    show(context, found, make_table(columns, rows))


def report(
    context: typer.Context,
    *,
    deployment: Deployment,
    out: Annotated[Path, typer.Option("--out", help="The HTML file to write.")],
    kept: Annotated[
        str | None,
        typer.Option("--id", show_default=False, help="One that is kept, by its id."),
    ] = None,
    begins: Annotated[
        str | None,
        typer.Option("--from", show_default=False, help="A time (2026-01-31T12:00), or 24h ago."),
    ] = None,
    ends: Annotated[
        str | None, typer.Option("--to", show_default=False, help="The same; now without it.")
    ] = None,
    version: Annotated[
        int | None,
        typer.Option(min=1, show_default=False, help="What this version answered as main."),
    ] = None,
) -> None:
    """Write a report into a file: of the latest window, of another one, or one that is kept.

    Examples: `understudy report credit-risk --out report.html`,
    `understudy report credit-risk --from 7d --to 1d --out week.html`
    """
    if kept is not None and (begins or ends or version):
        raise typer.BadParameter("--id names a whole report: leave out --from, --to and --version")
    if out.is_dir():
        raise typer.BadParameter(f"--out: {out} is a folder; name a file in it")
    now = datetime.now(UTC)
    window = (moment("--from", begins, now), moment("--to", ends, now))
    with connections(context).monitor() as monitor:
        if kept is not None:
            page = monitor.kept_report(deployment, kept)
        else:
            page = monitor.report(deployment, *window, version)
    _write(out, page)
    remark(f"Wrote {out} ({len(page.encode()) / 1e6:.1f} MB). Open it in a browser.")


def _row(kept: ReportView) -> tuple[object, ...]:
    return (
        *(kept.id, kept.made_at, kept.release, kept.begins, kept.ends),
        *(amount(kept.rows), f"{kept.size_bytes / 1e6:.1f} MB", kept.reason),
    )


def _write(out: Path, page: str) -> None:
    try:
        out.write_text(page)
    except OSError as error:
        raise typer.BadParameter(f"--out: {out} can't be written: {error.strerror}") from error
