"""Replay: what a candidate would have answered to history, or whether a main still does."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from understudy.cli.connections import connections
from understudy.cli.deployments import Deployment
from understudy.cli.durations import parse_duration
from understudy.cli.output import Format, cell, make_details, output_format, remark, show
from understudy.cli.why import page
from understudy.client import RegistryClient
from understudy.contracts.replays import EXACT, ArchivePart, AuditMismatch, ReplayAudit, ReplayView

if TYPE_CHECKING:
    from understudy.replaying.frames import Audited
    from understudy.replaying.replay import Errand, Replayer

_MEBIBYTE: Final = 1 << 20


def add_to(app: typer.Typer) -> None:
    """Give the root this module's command."""
    app.command()(replay)


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the options say."""

    deployment: str
    version: int | None
    """None: the main."""
    audits: bool
    since: datetime
    until: datetime
    sample: int | None
    trusted: tuple[str, ...]


def replay(
    context: typer.Context,
    *,
    deployment: Deployment,
    challenger: Annotated[
        int | None,
        typer.Option(min=1, show_default=False, help="The version to compare with the main."),
    ] = None,
    main: Annotated[
        bool, typer.Option("--main", help="Check that the main still answers as it did.")
    ] = False,
    version: Annotated[
        int | None,
        typer.Option(min=1, show_default=False, help="With --main: an earlier main to check."),
    ] = None,
    since: Annotated[str, typer.Option(help="How far back: 12h, 30d.")] = "30d",
    until: Annotated[str, typer.Option(help="Up to how long ago.")] = "0s",
    sample: Annotated[
        int | None,
        typer.Option(min=1, show_default=False, help="About so many rows, spread evenly."),
    ] = None,
    trust: Annotated[
        list[str] | None,
        typer.Option(help="A type that the model's file may hold; may be repeated."),
    ] = None,
    memory: Annotated[int, typer.Option(min=256, help="MiB that the model may take.")] = 4_096,
    deadline: Annotated[
        float, typer.Option(min=1, help="Seconds that a part of history may take.")
    ] = 300.0,
) -> None:
    """Score archived predictions again, on this machine.

    With --challenger the answers go to the monitor, which compares them with the main's by the
    labels that have matured, on the deployment's terms, and concludes as it does live; nothing live
    is touched. With --main stored answers are held against the model's; exit code 1 when some are
    not reproduced.

    Examples: `understudy replay credit-risk --challenger 7 --since 30d`,
    `understudy replay credit-risk --main --since 1d`
    """
    if main == (challenger is not None):
        raise typer.BadParameter("give either --challenger VERSION or --main")
    if version is not None and not main:
        raise typer.BadParameter("--version goes with --main; a candidate is --challenger")
    now = datetime.now(UTC)
    wish = _Wish(
        deployment=deployment,
        version=challenger or version,
        audits=main,
        since=now - parse_duration(since),
        until=now - parse_duration(until),
        sample=sample,
        trusted=tuple(trust or ()),
    )
    if wish.since >= wish.until:
        raise typer.BadParameter("--since must reach further back than --until")
    _carry_out(context, wish, memory * _MEBIBYTE, deadline)


def _carry_out(context: typer.Context, wish: _Wish, memory_bytes: int, deadline: float) -> None:
    try:
        # Heavy, and no part of what a client needs.
        from understudy.replaying.replay import Replayer  # noqa: PLC0415
    except ImportError as error:
        raise typer.BadParameter(
            f"replay needs the package {error.name}: pip install 'understudy[models]' pyarrow "
            "msgspec"
        ) from error
    known = connections(context)
    with known.registry() as registry, known.history() as history:
        _require_candidate(registry, wish)
        replayer = Replayer(registry, history, memory_bytes=memory_bytes, deadline_seconds=deadline)
        parts = replayer.parts(wish.deployment, wish.since, wish.until)
        if not parts:
            raise typer.BadParameter(
                f"the archive of {wish.deployment} holds nothing of that time (what was predicted "
                "in the last minutes is not archived yet)"
            )
        with tempfile.TemporaryDirectory(prefix="understudy-replay-") as folder:
            errand = _errand(wish, registry, replayer, _rows(parts), Path(folder))
            with _progress(parts) as advance:
                if wish.audits:
                    found = replayer.audit(errand, parts, advance)
                else:
                    view = replayer.compare(errand, parts, advance)
    _tell_newest(parts, wish.until)
    if wish.audits:
        _show_audit(context, _audit_of(wish, errand, found))
    else:
        _show_replay(context, view)


def _require_candidate(registry: RegistryClient, wish: _Wish) -> None:
    """Raises typer.BadParameter when the version to compare with the main is the main."""
    main = registry.deployment(wish.deployment).current.main
    if not wish.audits and wish.version == main:
        raise typer.BadParameter(
            f"version {main} is the main of {wish.deployment}: nothing to compare it with. "
            f"Whether it still answers as it did: understudy replay {wish.deployment} --main"
        )


def _errand(
    wish: _Wish, registry: RegistryClient, replayer: "Replayer", rows: int, folder: Path
) -> "Errand":
    from understudy.replaying.replay import Errand  # noqa: PLC0415 - as above

    deployed = registry.deployment(wish.deployment)
    number = wish.version or deployed.current.main
    return Errand(
        deployment=wish.deployment,
        version=registry.version(deployed.model, number),
        main=number if wish.audits else deployed.current.main,
        since=wish.since,
        until=wish.until,
        share=1.0 if wish.sample is None else min(1.0, wish.sample / max(1, rows)),
        trusted=(*replayer.trusted_types(), *wish.trusted),
        folder=folder,
    )


def _rows(parts: list[ArchivePart]) -> int:
    return sum(part.rows for part in parts)


@contextmanager
def _progress(parts: list[ArchivePart]) -> Iterator[Callable[[int], None]]:
    """On standard error, and only where somebody watches."""
    columns = (
        TextColumn("Replaying"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows"),
        TimeRemainingColumn(),
    )
    screen = Console(stderr=True)
    with Progress(*columns, console=screen, disable=not screen.is_terminal) as shown:
        task = shown.add_task("rows", total=_rows(parts))
        yield lambda rows: shown.advance(task, rows)


def _tell_newest(parts: list[ArchivePart], until: datetime) -> None:
    """What was answered after the newest part is not replayed: it is not archived yet."""
    newest = max(part.ends for part in parts)
    if newest < until:
        remark(
            f"Archived up to {cell(newest)}: rows that were logged after it are left out; they "
            "follow within minutes (UNDERSTUDY_MONITOR_ARCHIVE_SECONDS)."
        )


def _audit_of(wish: _Wish, errand: "Errand", found: "Audited") -> ReplayAudit:
    compiled = errand.version.compiled
    return ReplayAudit(
        deployment=wish.deployment,
        version=errand.version.version,
        since=wish.since,
        until=wish.until,
        rows=found.rows,
        elsewhere=found.elsewhere,
        by_original=found.by_original,
        by_compiled=found.by_twin,
        exact=EXACT,
        tolerance=None if compiled is None else compiled.tolerance,
        mismatches=found.mismatches,
        worst=found.worst,
        first=tuple(
            AuditMismatch(prediction_id=each.prediction_id, difference=each.difference)
            for each in found.first
        ),
    )


def _show_audit(context: typer.Context, found: ReplayAudit) -> None:
    rows: list[tuple[str, object]] = [
        ("Version", found.version),
        ("Rows", f"{found.rows:,}"),
        ("By scikit-learn", f"{found.by_original:,} within {found.exact:.0e}"),
    ]
    if found.tolerance is not None:
        rows.append(("By its compiled twin", f"{found.by_compiled:,} within {found.tolerance:.0e}"))
    rows += [
        ("Not reproduced", f"{found.mismatches:,}"),
        ("Largest difference", _largest(found.worst)),
    ]
    rows += [("", f"{each.prediction_id}  {_apart(each)}") for each in found.first]
    show(context, found, make_details(rows))
    if not found.rows:
        remark("No row of that time was answered by this version here.")
    if found.mismatches:
        raise typer.Exit(1)


def _largest(worst: float) -> str:
    if not worst:
        return "0"
    return f"{worst:.2g}" if worst > EXACT else f"0 but for rounding ({worst:.0e})"


def _apart(found: AuditMismatch) -> str:
    return "another answer" if found.difference is None else f"{found.difference:.3g} apart"


def _show_replay(context: typer.Context, view: ReplayView) -> None:
    if output_format(context) is Format.JSON or view.judgement is None:
        show(context, view, f"{view.rows:,} rows were replayed")
        return
    remark(
        f"Version {view.version} answered {view.rows:,} archived rows of {view.main}; "
        f"{view.compared:,} of them have matured labels, {view.young:,} are too young, "
        f"{view.unlabelled:,} have none, {view.unknown:,} are not known any more."
    )
    show(context, view, page(view.judgement))
