"""Predictions and the labels that come later."""

import json
import math
import sys
from pathlib import Path
from typing import Annotated

import typer

from understudy.cli import telling
from understudy.cli.connections import connections
from understudy.cli.deployments import Deployment
from understudy.cli.output import make_table, show, visible
from understudy.contracts.serving import (
    LabelCorrection,
    LabelRequest,
    LabelResults,
    LabelStatus,
    Prediction,
)
from understudy.contracts.vocabulary import Label


def add_to(app: typer.Typer) -> None:
    """Give the root this module's commands."""
    app.command()(predict)
    app.command()(describe)
    # So that -5 is a label, and not an option that nobody knows.
    app.command(context_settings={"ignore_unknown_options": True})(label)
    app.command()(telling.protect)
    app.command()(telling.log_predictions)


def predict(
    context: typer.Context,
    *,
    deployment: Deployment,
    data: Annotated[
        str,
        typer.Argument(
            show_default=False,
            help="One row or a list of rows as JSON, @FILE, or - for standard input.",
        ),
    ],
    prediction_id: Annotated[
        str | None,
        typer.Option(
            "--id",
            show_default=False,
            help="Its id, for a later label; the rows of a list go by ID.0, ID.1 and so on.",
        ),
    ] = None,
    protected: Annotated[
        str | None,
        typer.Option(
            show_default=False,
            help="Protected attributes of the row, or a list for rows, as JSON, for no model.",
        ),
    ] = None,
) -> None:
    """Ask for predictions.

    Examples: `understudy predict iris '{"petal_length": 4.7, …}'`,
    `understudy predict credit-risk @applicants.json -o json`
    """
    if prediction_id == "":
        raise typer.BadParameter("--id is empty; leave it out and serving makes one")
    rows = _rows(data)
    told = None if protected is None else _groups(protected, rows)
    with connections(context).serving() as serving:
        if isinstance(rows, dict):
            answer = serving.predict(
                deployment, rows, prediction_id, None if told is None else told[0]
            )
            show(context, answer, make_table(_COLUMNS, [_row(answer)]))
        else:
            answers = serving.predict_many(deployment, rows, prediction_id, told)
            show(context, answers, make_table(_COLUMNS, [_row(answer) for answer in answers]))


def describe(context: typer.Context, *, deployment: Deployment) -> None:
    """Print how a deployment is asked, in every dialect, as an OpenAPI document.

    Example: `understudy describe credit-risk > credit-risk.openapi.json`
    """
    with connections(context).serving() as serving:
        document = serving.describe(deployment)
    text = json.dumps(document, indent=2, ensure_ascii=False)
    typer.echo(visible(text, keep="\n"))


def label(
    context: typer.Context,
    *,
    deployment: Deployment,
    prediction_id: Annotated[str, typer.Argument(help="The prediction.", show_default=False)],
    value: Annotated[
        str,
        typer.Argument(metavar="LABEL", help="What came true.", show_default=False),
    ],
    text: Annotated[
        bool, typer.Option("--text", help="Take 1, 2.5 or true as text, not as a number.")
    ] = False,
    source: Annotated[str | None, typer.Option(help="Who says so.", show_default=False)] = None,
    correct: Annotated[
        bool, typer.Option("--correct", help="Instead of an earlier label of the prediction.")
    ] = False,
) -> None:
    """Tell what came true for an earlier prediction.

    Example: `understudy label credit-risk 0198c1f2-… bad`
    """
    if value.startswith("--"):
        raise typer.BadParameter(f"there is no option {value}")
    found = value if text else _scalar(value)
    with connections(context).serving() as serving:
        if correct:
            correction = LabelCorrection(label=found, source=source)
            results = LabelResults(
                results=(serving.correct(deployment, prediction_id, correction),)
            )
        else:
            request = LabelRequest(prediction_id=prediction_id, label=found, source=source)
            results = serving.label(deployment, [request])
    rows = [(r.prediction_id, r.status, r.message) for r in results.results]
    show(context, results, make_table(("PREDICTION", "STATUS", "MESSAGE"), rows))
    if any(result.status is not LabelStatus.ACCEPTED for result in results.results):
        raise typer.Exit(1)


_COLUMNS = ("PREDICTION", "PROBABILITIES", "VERSION", "ID", "WARNINGS")


def _row(answer: Prediction) -> tuple[object, ...]:
    shares = answer.probabilities or {}
    chances = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
    warnings = "; ".join(warning.message for warning in answer.warnings)
    return (answer.prediction, chances, answer.model.version, answer.prediction_id, warnings)


def _rows(data: str) -> dict[str, object] | list[dict[str, object]]:
    try:
        parsed = json.loads(_text(data))
    except RecursionError as error:
        raise typer.BadParameter("DATA is nested too deeply") from error
    except ValueError as error:
        raise typer.BadParameter(f"DATA can't be read as JSON: {error}") from error
    rows = parsed["rows"] if isinstance(parsed, dict) and set(parsed) == {"rows"} else parsed
    listed = rows if isinstance(rows, list) else [rows]
    if not listed or not all(isinstance(row, dict) for row in listed):
        raise typer.BadParameter('DATA is one row {"feature": value, …} or a list of rows')
    return rows  # type: ignore[no-any-return]  # narrowed above


def _groups(
    protected: str, rows: dict[str, object] | list[dict[str, object]]
) -> list[dict[str, Label]]:
    try:
        parsed = json.loads(_text(protected))
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter("--protected can't be read as JSON") from error
    told = [parsed] if isinstance(rows, dict) and isinstance(parsed, dict) else parsed
    count = 1 if isinstance(rows, dict) else len(rows)
    if not (isinstance(told, list) and all(isinstance(one, dict) for one in told)):
        raise typer.BadParameter('--protected is {"name": "group", …}, or a list of these')
    if len(told) != count:
        raise typer.BadParameter(f"--protected has {len(told)} members for {count} rows")
    return told


def _text(data: str) -> str:
    if data == "-":
        return sys.stdin.read()
    return _file(Path(data[1:])) if data.startswith("@") else data


def _file(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError as error:
        raise typer.BadParameter(f"DATA: there is no file {path}") from error
    except OSError as error:
        raise typer.BadParameter(f"DATA: {path} can't be read: {error.strerror}") from error


def _scalar(text: str) -> Label:
    """`1` and `true` as JSON means them, everything else as text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    # NaN and Infinity are Python's, not JSON's.
    return value if isinstance(value, bool | int | float) and math.isfinite(value) else text
