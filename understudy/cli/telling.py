"""What is told beside labels: protected attributes, and predictions that were made elsewhere."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Final

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.progress import Progress

from understudy.cli.connections import connections
from understudy.cli.deployments import Deployment
from understudy.cli.output import Format, make_table, output_format, remark, show
from understudy.cli.told_files import Line, Teller, UnfitFileError, count_rows, lines_of
from understudy.client import ServingClient
from understudy.contracts.serving import LabelStatus, ProtectedRequest
from understudy.contracts.vocabulary import Label, Role

_MOST_ROWS: Final = 500
_MOST_BYTES: Final = 256_000
"""Of one request: serving takes 1,000 rows and a megabyte, unless it is told otherwise."""
_DIGITS: Final = 16
_SHOWN: Final = 100


class RefusedRow(BaseModel):
    """A row of the file that was not taken."""

    line: int
    prediction_id: str | None
    message: str


class Logged(BaseModel):
    """What became of a file's rows."""

    accepted: int
    refused: tuple[RefusedRow, ...]


def protect(
    context: typer.Context,
    *,
    deployment: Deployment,
    prediction_id: Annotated[str, typer.Argument(help="The prediction.", show_default=False)],
    attributes: Annotated[
        list[str],
        typer.Argument(metavar="NAME=VALUE…", help="Such as sex=f.", show_default=False),
    ],
) -> None:
    """Tell protected attributes of whom an earlier prediction concerns. No model ever sees them.

    Example: `understudy protect credit-risk 0198c1f2-… sex=f age_band=30-39`
    """
    request = ProtectedRequest(prediction_id=prediction_id, attributes=groups(attributes))
    with connections(context).serving() as serving:
        results = serving.protect(deployment, [request])
    rows = [(r.prediction_id, r.status, r.message) for r in results.results]
    show(context, results, make_table(("PREDICTION", "STATUS", "MESSAGE"), rows))
    if any(result.status is not LabelStatus.ACCEPTED for result in results.results):
        raise typer.Exit(1)


def log_predictions(
    context: typer.Context,
    *,
    deployment: Deployment,
    file: Annotated[
        Path,
        typer.Argument(
            exists=True, dir_okay=False, show_default=False, help="A .csv, .jsonl or .parquet file."
        ),
    ],
    role: Annotated[
        Role, typer.Option("--as", help="Whose answers the column `prediction` of a table holds.")
    ] = Role.MAIN,
    version: Annotated[
        int | None,
        typer.Option(min=1, show_default=False, help="Their version, where no column says it."),
    ] = None,
) -> None:
    """Log predictions that were made elsewhere, so that they are judged like those made here.

    Rows without an id get one from the file's content and their place, so that no row is judged
    twice when a file is logged again.

    Examples: `understudy log-predictions credit-risk yesterday.parquet`,
    `understudy log-predictions credit-risk shadow.csv --as challenger --version 7`
    """
    with connections(context).serving() as serving:
        signature = serving.signature(deployment)
        try:
            lines = lines_of(file, signature, Teller(role, version))
            logged = _logged(serving, deployment, file, lines)
        except (UnfitFileError, UnicodeDecodeError) as unfit:
            raise typer.BadParameter(f"FILE: {file}: {unfit}") from unfit
    rows = [(row.line, row.prediction_id, row.message) for row in logged.refused[:_SHOWN]]
    if rows or output_format(context) is Format.JSON:
        show(context, logged, make_table(("LINE", "PREDICTION", "REFUSED BECAUSE"), rows))
    remark(f"{logged.accepted} rows logged, {len(logged.refused)} refused.")
    if logged.refused:
        raise typer.Exit(1)


def groups(attributes: Sequence[str]) -> dict[str, Label]:
    """`sex=f` → a group by its attribute."""
    found: dict[str, Label] = {}
    for told in attributes:
        name, equals, value = told.partition("=")
        if not (equals and name and value):
            raise typer.BadParameter("attributes are written NAME=VALUE, such as sex=f")
        if name in found:
            raise typer.BadParameter(f"{name} is told twice")
        found[name] = value
    return found


def _logged(serving: ServingClient, deployment: str, file: Path, lines: Iterable[Line]) -> Logged:
    accepted, refused = 0, list[RefusedRow]()
    name = _digest(file)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Logging", total=count_rows(file))
        try:
            for portion in _portions(lines):
                problems = _send(serving, deployment, name, portion)
                refused += problems
                accepted += len(portion) - len(problems)
                progress.advance(task, len(portion))
        except BaseException:
            if accepted:
                remark(f"{accepted} rows were logged before this; the file may be logged again.")
            raise
    return Logged(accepted=accepted, refused=tuple(refused))


def _portions(lines: Iterable[Line]) -> Iterator[list[Line]]:
    """As many lines as fit into one request."""
    portion, size = list[Line](), 0
    for line in lines:
        length = 0 if line.told is None else len(line.told.model_dump_json())
        if portion and (len(portion) == _MOST_ROWS or size + length > _MOST_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(line)
        size += length
    if portion:
        yield portion


def _send(
    serving: ServingClient, deployment: str, name: str, portion: Sequence[Line]
) -> list[RefusedRow]:
    """What was refused, here or there."""
    refused = [
        RefusedRow(line=line.number, prediction_id=None, message=line.problem)
        for line in portion
        if line.problem is not None
    ]
    sent = [
        (
            line.number,
            line.told.model_copy(
                update={"prediction_id": line.told.prediction_id or f"{name}.{line.number}"}
            ),
        )
        for line in portion
        if line.told is not None
    ]
    if sent:
        results = serving.log_predictions(deployment, [told for _, told in sent]).results
        refused += [
            RefusedRow(
                line=number, prediction_id=result.prediction_id, message=result.message or "refused"
            )
            for (number, _), result in zip(sent, results, strict=True)
            if result.status is not LabelStatus.ACCEPTED
        ]
    return sorted(refused, key=lambda row: row.line)


def _digest(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()[:_DIGITS]
